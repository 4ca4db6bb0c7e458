import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunningRedis, startRedis } from './cluster.ts';
import { freePort, startProgram, temporaryFolder, until } from './processes.ts';

type Test = { after(callback: () => void | Promise<void>): void };

/** What Sentinel calls the master. */
const masterName = 'main';

/** A master, a replica and the sentinels that choose between them. */
export interface SentinelGroup {
  readonly url: string;
  readonly servers: readonly RunningRedis[];
  /** The server that most sentinels take for the master. */
  master(): Promise<RunningRedis>;
  /** Waits until a server other than this one is the master; returns how long that took. */
  untilFailover(from: RunningRedis): Promise<number>;
  /** Waits until the other server is a replica of the master, and has all that it has. */
  untilInSync(): Promise<void>;
}

/** Starts two servers and three sentinels, of which two have to agree. */
export async function startSentinelGroup(t: Test): Promise<SentinelGroup> {
  const first = await startRedis(t);
  const second = await startRedis(t, { words: ['--replicaof', '127.0.0.1', String(first.port)] });
  const servers = [first, second] as const;
  const sentinels: ((...words: readonly string[]) => Promise<string>)[] = [];
  const ports: number[] = [];
  for (let index = 0; index < 3; index += 1) {
    const port = await freePort();
    ports.push(port);
    sentinels.push(startSentinel(t, port, first.port));
  }
  await until(
    async () => {
      const known = await Promise.all(sentinels.map((ask) => ask('info', 'sentinel')));
      return known.every((text) => text.includes('slaves=1,sentinels=3')) || undefined;
    },
    () => 'the sentinels to know one another',
    60_000,
  );
  const master = async () => {
    const words = ['sentinel', 'get-master-addr-by-name', masterName];
    const said = await Promise.all(sentinels.map((ask) => ask(...words)));
    const most = servers.find(
      ({ port }) => said.filter((text) => text.split('\n')[1] === String(port)).length >= 2,
    );
    if (most === undefined) throw new Error(`no master: ${said}`);
    return most;
  };
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return {
    ...{ servers, master, url: `sentinel://${hosts}/${masterName}` },
    async untilFailover(from) {
      const startMs = performance.now();
      await until(
        async () => (await master()) !== from || undefined,
        () => 'Sentinel to choose the other server',
        90_000,
      );
      return performance.now() - startMs;
    },
    async untilInSync() {
      const leads = await master();
      const [follows = leads] = servers.filter((server) => server !== leads);
      await until(
        async () => {
          const text = await follows.cli('info', 'replication');
          const isItsReplica = text.includes(`master_port:${leads.port}`);
          return (isItsReplica && text.includes('master_link_status:up')) || undefined;
        },
        () => `a replica that is in sync: ${follows.output().slice(-2000)}`,
        90_000,
      );
    },
  };
}

/** Starts a sentinel; gives back how to ask it. */
function startSentinel(t: Test, port: number, masterPort: number) {
  const folder = temporaryFolder(t);
  const file = join(folder, 'sentinel.conf');
  const lines = [
    `port ${port}`,
    'bind 127.0.0.1',
    `dir ${folder}`,
    `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
    `sentinel down-after-milliseconds ${masterName} 1500`,
    `sentinel failover-timeout ${masterName} 3000`,
    '',
  ];
  writeFileSync(file, lines.join('\n'));
  startProgram(t, ['redis-sentinel', file]);
  return async (...words: readonly string[]) => {
    const command = startProgram(t, ['redis-cli', '-p', String(port), ...words]);
    await new Promise<void>((done) => command.child.once('close', () => done()));
    return command.output().trim();
  };
}
