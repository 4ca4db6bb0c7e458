import { spawnSync } from 'node:child_process';

/** Why network namespaces cannot be made here, for `skip`; false when they can. */
export function cannotMakeNamespaces(): string | false {
  const made = spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'type', 'veth']);
  return made.status === 0 ? false : 'needs root, unshare(1) and ip(8)';
}

/** A network of its own, tied to this machine's by one cable. */
export interface Namespace {
  /** What a command begins with that is to run in it. */
  readonly prefix: readonly string[];
  /** This machine's address at the cable; the namespace can reach nothing else. */
  readonly hostAddress: string;
}

/** Makes a namespace that goes away with the test. */
export function makeNamespace(t: { after(callback: () => void): void }, name: string): Namespace {
  const net = `mrd-${name}-${process.pid}`;
  // An interface has 15 characters; a network of four addresses is chosen by the pid.
  const here = `mr${name.slice(0, 3)}${process.pid}`.slice(0, 14);
  const [third, fourth] = [(process.pid >> 6) & 255, (process.pid & 63) * 4];
  const hostAddress = `10.209.${third}.${fourth + 1}`;
  const ip = (...words: readonly string[]) => {
    const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr}`);
  };
  ip('netns', 'add', net);
  t.after(() => void spawnSync('ip', ['netns', 'del', net]));
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', 'cable', 'netns', net);
  ip('addr', 'add', `${hostAddress}/30`, 'dev', here);
  ip('link', 'set', here, 'up');
  ip('-n', net, 'addr', 'add', `10.209.${third}.${fourth + 2}/30`, 'dev', 'cable');
  ip('-n', net, 'link', 'set', 'cable', 'up');
  ip('-n', net, 'link', 'set', 'lo', 'up');
  return { prefix: ['ip', 'netns', 'exec', net], hostAddress };
}
