import { join } from 'node:path';
import { askUdp } from './ask.ts';
import { type Running, startProgram, until, writeFiles } from './processes.ts';

type Test = { after(callback: () => Promise<void>): void };

/**
 * Starts NSD with these zones (origin without final dot → master file) in the foreground;
 * `serverLines` go into the server section.
 */
export async function startNsd(
  t: Test,
  folder: string,
  address: string,
  port: number,
  zones: Readonly<Record<string, string>>,
  serverLines: readonly string[] = [],
): Promise<Running> {
  const names = Object.keys(zones);
  const fileOf = (name: string) => `${name === '.' ? 'root' : name}.nsd-zone`;
  writeFiles(folder, Object.fromEntries(names.map((name) => [fileOf(name), zones[name] ?? ''])));
  const config = join(folder, 'nsd.conf');
  writeFiles(folder, {
    'nsd.conf': [
      'server:',
      `  ip-address: ${address}@${port}`,
      '  username: ""',
      '  chroot: ""',
      '  pidfile: ""',
      `  zonesdir: "${folder}"`,
      `  zonelistfile: "${folder}/nsd.list"`,
      `  xfrdfile: "${folder}/nsd.xfrd"`,
      `  xfrdir: "${folder}"`,
      '  server-count: 1',
      '  verbosity: 1',
      // Tests ask faster than a client may, and compare whole answers.
      '  rrl-ratelimit: 0',
      '  refuse-any: no',
      ...serverLines.map((line) => `  ${line}`),
      'remote-control:',
      '  control-enable: no',
      ...names.flatMap((name) => ['zone:', `  name: "${name}"`, `  zonefile: "${fileOf(name)}"`]),
      '',
    ].join('\n'),
  });
  const running = startProgram(t, ['nsd', '-d', '-c', config]);
  await until(
    async () => (await askUdp({ address, port, name: names[0] ?? '.', type: 'SOA' })) !== undefined,
    () => `nsd: ${running.output()}`,
  );
  return running;
}

/** Starts Knot DNS with these zones (origin without final dot → master file) in the foreground. */
export async function startKnot(
  t: Test,
  folder: string,
  address: string,
  port: number,
  zones: Readonly<Record<string, string>>,
): Promise<Running> {
  const names = Object.keys(zones);
  writeFiles(
    folder,
    Object.fromEntries(names.map((name) => [`${name}.knot-zone`, zones[name] ?? ''])),
  );
  const config = join(folder, 'knot.conf');
  writeFiles(folder, {
    'knot.conf': [
      'server:',
      `  listen: ${address}@${port}`,
      `  rundir: "${folder}"`,
      '  udp-workers: 1',
      '  tcp-workers: 1',
      '  background-workers: 1',
      'log:',
      '  - target: stderr',
      '    any: warning',
      'database:',
      `  storage: "${folder}"`,
      'template:',
      '  - id: default',
      `    storage: "${folder}"`,
      '    file: "%s.knot-zone"',
      '    semantic-checks: off',
      '    zonefile-sync: -1',
      '    journal-content: none',
      'zone:',
      ...names.map((name) => `  - domain: "${name}"`),
      '',
    ].join('\n'),
  });
  const running = startProgram(t, ['knotd', '-c', config]);
  await until(
    async () => {
      const asks = names.map((name) => askUdp({ address, port, name, type: 'SOA' }));
      return (await Promise.all(asks)).every((answer) => answer?.flags.aa === true) || undefined;
    },
    () => `knotd: ${running.output()}`,
  );
  return running;
}

/** Starts unbound as a plain iterative resolver whose root is at `rootAddress`:53. */
export async function startUnbound(
  t: Test,
  folder: string,
  address: string,
  port: number,
  rootAddress: string,
): Promise<Running> {
  writeFiles(folder, {
    'root.hints': `. 3600 NS a.root.test.\na.root.test. 3600 A ${rootAddress}\n`,
    'unbound.conf': [
      'server:',
      `  interface: ${address}@${port}`,
      `  directory: "${folder}"`,
      '  chroot: ""',
      '  username: ""',
      '  pidfile: ""',
      '  use-syslog: no',
      '  do-daemonize: no',
      '  num-threads: 1',
      '  do-ip6: no',
      '  module-config: "iterator"',
      '  root-hints: "root.hints"',
      '  do-not-query-localhost: no',
      '  access-control: 127.0.0.0/8 allow',
      // RFC 6761 reserves it, and unbound would answer it alone.
      '  local-zone: "test." nodefault',
      '  verbosity: 1',
      'remote-control:',
      '  control-enable: no',
      '',
    ].join('\n'),
  });
  const running = startProgram(t, ['unbound', '-d', '-c', join(folder, 'unbound.conf')]);
  await until(
    async () =>
      (await askUdp({ address, port, name: '.', type: 'NS', recurse: true })) !== undefined,
    () => `unbound: ${running.output()}`,
  );
  return running;
}
