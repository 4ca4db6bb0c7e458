import { spawnSync } from 'node:child_process';
import { hasProgram } from './processes.ts';

/** Why networks cannot be cut here, for `skip`; false when they can. */
export function cannotCutNetworks(): string | false {
  if (!hasProgram('nft') || !hasProgram('ip')) return 'needs ip(8) and nft(8) (see .ci/run)';
  const words = 'ip link add switch type bridge && ip link add type veth && nft add table inet t';
  const made = spawnSync('unshare', ['-n', 'sh', '-c', words], { env: environment });
  return made.status === 0 ? false : 'needs root, unshare(1), bridges and nftables';
}

/** A machine of its own on the network. */
export interface Machine {
  /** What a command begins with that is to run there. */
  readonly prefix: readonly string[];
  readonly address: string;
  /** More addresses that are the machine's. */
  readonly others: readonly string[];
  /** From now on nothing passes between it and these addresses, and nobody is told. */
  cut(addresses: readonly string[]): void;
  /** Everything passes again. */
  heal(): void;
}

const environment = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

function run(...words: readonly string[]): void {
  const { status, stderr } = spawnSync(words[0] ?? '', words.slice(1), {
    encoding: 'utf8',
    env: environment,
  });
  if (status !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
}

/**
 * Lays a network that goes away with the test: one switch, to which this machine and others are tied
 * by a cable each. `machines` says how many addresses each has.
 *
 *   this machine ── switch ──┬── machine (a network namespace)
 *                            ├── machine
 *                            └── …
 */
export function layNetwork<Name extends string>(
  t: { after(callback: () => void): void },
  machines: Readonly<Record<Name, number>>,
): Readonly<Record<Name, Machine>> {
  // Two tests may run at once, each with a network of its own.
  const mark = process.pid;
  const subnet = `10.${210 + (mark & 7)}.${(mark >> 3) & 255}`;
  const [hub, cable] = [`mrd-hub-${mark}`, `mrh${mark}`.slice(0, 15)];
  const addNamespace = (name: string) => {
    run('ip', 'netns', 'add', name);
    t.after(() => void spawnSync('ip', ['netns', 'del', name], { env: environment }));
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
  };
  addNamespace(hub);
  run('ip', '-n', hub, 'link', 'add', 'switch', 'type', 'bridge');
  run('ip', '-n', hub, 'link', 'set', 'switch', 'up');
  const plugIn = (port: string) => {
    run('ip', '-n', hub, 'link', 'set', port, 'master', 'switch');
    run('ip', '-n', hub, 'link', 'set', port, 'up');
  };
  run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'host', 'netns', hub);
  t.after(() => void spawnSync('ip', ['link', 'del', cable], { env: environment }));
  run('ip', 'addr', 'add', `${subnet}.254/24`, 'dev', cable);
  run('ip', 'link', 'set', cable, 'up');
  plugIn('host');

  let last = 0;
  const addMachine = (name: string, count: number): Machine => {
    const net = `mrd-${name}-${mark}`;
    addNamespace(net);
    const port = name.slice(0, 15);
    run(
      'ip',
      '-n',
      net,
      'link',
      'add',
      'cable',
      'type',
      'veth',
      'peer',
      'name',
      port,
      'netns',
      hub,
    );
    const addresses = Array.from({ length: count }, () => `${subnet}.${++last}`);
    for (const address of addresses) {
      run('ip', '-n', net, 'addr', 'add', `${address}/24`, 'dev', 'cable');
    }
    run('ip', '-n', net, 'link', 'set', 'cable', 'up');
    plugIn(port);
    const prefix = ['ip', 'netns', 'exec', net];
    const nft = (text: string) => run(...prefix, 'nft', text);
    const [address = '', ...others] = addresses;
    return {
      ...{ prefix, address, others },
      cut(far) {
        const set = `{ ${far.join(', ')} }`;
        nft('add table inet cut');
        for (const hook of ['input', 'output']) {
          nft(`add chain inet cut ${hook} { type filter hook ${hook} priority 0; }`);
          for (const side of ['saddr', 'daddr'])
            nft(`add rule inet cut ${hook} ip ${side} ${set} drop`);
        }
      },
      heal: () => nft('delete table inet cut'),
    };
  };
  const made = Object.entries<number>(machines).map(
    ([name, count]) => [name, addMachine(name, count)] as const,
  );
  return Object.fromEntries(made) as Record<Name, Machine>;
}
