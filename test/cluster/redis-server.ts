import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as netConnect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Bus } from '../../src/cluster/bus.ts';
import { openRedisBus } from '../../src/cluster/redis-bus.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';

const program = ['redis-server', 'valkey-server'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

/** Why tests that need a Redis are left out; false when there is one. */
export const noRedis: string | false =
  program === undefined ? 'neither redis-server nor valkey-server is installed' : false;

/** A redis-server of this test's own. */
export interface TestRedis {
  readonly port: number;
  readonly folder: string;
  readonly process: () => ChildProcess;
  /** A plain client, for looking at it from the side. */
  readonly client: Redis;
  /** Starts it again on the same port and folder, after it was stopped. */
  start(): Promise<void>;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a redis-server on a free port, in a folder of its own. */
export async function startRedis(options: readonly string[] = []): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-redis-'));
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    child = spawn(
      program ?? 'redis-server',
      ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...options],
      { stdio: 'ignore' },
    );
    await reachable(port, child);
  };
  await start();
  const client = new Redis({ port, protocol: 2, lazyConnect: true });
  client.on('error', () => undefined);
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  return {
    port,
    folder,
    process: () => child,
    client,
    start,
    kill,
    async close() {
      client.disconnect();
      await kill();
      if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A port that nobody holds at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function reachable(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`);
    const socket = netConnect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      await delay(10);
    } finally {
      socket.destroy();
    }
  }
}

/** Opens a bus and waits until it is connected. */
export async function openBus(url: string): Promise<Bus> {
  const bus = openRedisBus({ address: parseBusUrls([url]), cluster: 'test' });
  while (!bus.isUp) await delay(5);
  return bus;
}
