import { join } from 'node:path';
import { textsOf } from './ask.ts';
import {
  freePort,
  type Running,
  type RunningMeridian,
  runMeridian,
  serveMeridian,
  startProgram,
  temporaryFolder,
  until,
  writeFiles,
} from './processes.ts';

type Test = { after(callback: () => void | Promise<void>): void };

/** Where processes of a cluster run. */
export interface Place {
  /** What a command begins with that is to run there. */
  readonly prefix: readonly string[];
  readonly address: string;
}

const here: Place = { prefix: [], address: '127.0.0.1' };

/** A redis-server of the test's own. */
export interface RunningRedis extends Running {
  readonly port: number;
  readonly url: string;
  /** Where its files are. */
  readonly folder: string;
  /** Starts it again after it has ended, on the same port and the files of then. */
  restart(): Promise<void>;
  /** Runs a command with redis-cli and returns what it prints. */
  cli(...words: readonly string[]): Promise<string>;
}

/** Starts a real redis-server with its data in a folder of its own; it ends with the test. */
export async function startRedis(
  t: Test,
  options: {
    readonly port?: number;
    readonly folder?: string;
    /** ACL user for redis-cli, with the password `secret`; default: none. */
    readonly user?: string;
    readonly words?: readonly string[];
    /** Where it runs; default: here. */
    readonly place?: Place;
  } = {},
): Promise<RunningRedis> {
  const { prefix, address } = options.place ?? here;
  const port = options.port ?? (await freePort());
  const folder = options.folder ?? temporaryFolder(t);
  const start = () =>
    startProgram(t, [
      ...[...prefix, 'redis-server', '--port', String(port), '--bind', address, '--dir', folder],
      ...(options.place === undefined ? [] : ['--protected-mode', 'no']),
      ...['--appendonly', 'yes', '--save', ''],
      ...(options.words ?? []),
    ]);
  let running = start();
  const cli = async (...words: readonly string[]) => {
    const login = options.user === undefined ? [] : ['--user', options.user, '--pass', 'secret'];
    const command = startProgram(t, [
      ...['redis-cli', '--no-auth-warning', '-h', address, '-p', String(port)],
      ...login,
      ...words,
    ]);
    await new Promise<void>((done) => command.child.once('close', () => done()));
    return command.output().trim();
  };
  const isReady = () =>
    until(
      async () => (await cli('ping')) === 'PONG' || undefined,
      () => `redis-server: ${running.output()}`,
    );
  await isReady();
  return {
    get child() {
      return running.child;
    },
    output: () => running.output(),
    stop: (signal) => running.stop(signal),
    async restart() {
      running = start();
      await isReady();
    },
    ...{ port, folder, url: `redis://${address}:${port}`, cli },
  };
}

/** A member of a cluster under test, and how it can be started again. */
export interface ClusterMember {
  readonly name: string;
  readonly role: 'all' | 'controller' | 'node';
  readonly data: string;
  running: RunningMeridian;
  /** Starts the process again, on the same data and the same ports. */
  restart(): Promise<void>;
}

/** Real processes that share one bus. */
export interface TestMembers {
  readonly folder: string;
  readonly keys: string;
  /** Starts another member. */
  add(name: string, role: ClusterMember['role'], flags?: readonly string[]): Promise<ClusterMember>;
}

/** A cluster of real processes around one Redis. */
export interface TestCluster extends TestMembers {
  readonly redis: RunningRedis;
}

/** A zone with `www` handed to the service `web`. */
export const webZone = `
$TTL 60
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
www STEER web
`;

/** The service `web`: west, and east when west fails; checked by HTTP twice in two seconds. */
export function webTraffic(port: number, west: string, east: string): string {
  return `
regions:
  east: { place: aws:us-east-1 }
  west: { place: aws:eu-west-1 }
monitors:
  web: { type: http, port: ${port}, path: /, interval: 1s, timeout: 500ms, fall: 2, rise: 2 }
services:
  web:
    ttl: 5
    ramp: 0s
    monitors: [web]
    members: { west: { a: [${west}] }, east: { a: [${east}] } }
    policy: { failover: [west, east] }
`;
}

/** The zone and the traffic that the cluster begins with. */
export interface ClusterFiles {
  readonly zone: string;
  readonly traffic: string;
}

/** Starts a Redis and makes keys and a folder of zones; members are added by the test. */
export async function startCluster(t: Test, files: ClusterFiles): Promise<TestCluster> {
  const redis = await startRedis(t);
  return { redis, ...(await membersOn(t, redis.url, files)) };
}

/** Makes keys and a folder of zones for members on a bus; the test adds them. */
export async function membersOn(
  t: Test,
  bus: string,
  files: ClusterFiles,
  place: Place = here,
): Promise<TestMembers> {
  const folder = temporaryFolder(t);
  writeFiles(folder, {
    'zones/cluster.test.zone': files.zone,
    'zones/traffic.yaml': files.traffic,
  });
  const keys = join(folder, 'keys');
  const made = await runMeridian(t, ['cluster-key', keys]);
  if (made.code !== 0) throw new Error(made.output);
  const add: TestMembers['add'] = async (name, role, flags = []) => {
    const data = join(folder, name);
    const { address, prefix } = place;
    const ports = { dns: await freePort(), http: await freePort() };
    const start = () =>
      serveMeridian(
        t,
        [
          ...['--role', role, '--redis', bus, '--cluster', 'test', '--node-id', name],
          ...['--cluster-key', join(keys, role === 'node' ? 'cluster.pub' : 'cluster.key')],
          ...['--data', data, '--http', `${address}:${ports.http}`],
          ...(role === 'node' ? [] : ['--zones', join(folder, 'zones')]),
          ...(role === 'controller' ? [] : ['--dns', `${address}:${ports.dns}`, '--workers', '1']),
          ...['--allow-private-targets', ...flags],
        ],
        prefix,
      );
    const member: ClusterMember = {
      ...{ name, role, data },
      running: await start(),
      async restart() {
        member.running = await start();
      },
    };
    return member;
  };
  return { folder, keys, add };
}

/** The member that leads, once there is one among these. */
export function leaderOf(members: readonly ClusterMember[]): Promise<ClusterMember> {
  return until(
    async () => {
      for (const member of members) {
        if (member.running.child.exitCode !== null) continue;
        const answer = await member.running.api('GET', '/v1/nodes').catch(() => undefined);
        const state = (await answer?.json()) as { leads?: boolean } | undefined;
        if (state?.leads === true) return member;
      }
      return undefined;
    },
    () => `a leader among ${members.map(({ name }) => name)}: ${outputs(members)}`,
  );
}

/** Waits until a member answers a question with exactly these texts; returns how long that took. */
export async function untilServed(
  member: ClusterMember,
  name: string,
  type: string,
  texts: readonly string[],
  deadlineMs = 20_000,
): Promise<number> {
  const startMs = performance.now();
  const wanted = texts.toSorted().join(' ');
  let seen = '';
  await until(
    async () => {
      const found = await textsOf(member.running.port, name, type).catch(() => []);
      seen = found.toSorted().join(' ');
      return seen === wanted || undefined;
    },
    () =>
      `${member.name} to answer ${name} ${type} with ${wanted}, not ${seen}: ${outputs([member])}`,
    deadlineMs,
  );
  return performance.now() - startMs;
}

/** The last of what members printed, for messages. */
export function outputs(members: readonly ClusterMember[]): string {
  return members
    .map(({ name, running }) => `\n--- ${name}\n${running.output().slice(-3000)}`)
    .join('');
}
