import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { systemClock } from '../../../src/base/clock.ts';
import type { Monitor } from '../../../src/health/monitor.ts';
import type { CheckTarget } from '../../../src/health/report.ts';
import type { CheckContext } from '../../../src/probe/check-result.ts';
import { createGuard } from '../../../src/probe/guard.ts';

/** A target on loopback; its monitor is never scheduled here, so only type and details matter. */
export function targetOf(
  type: Monitor['type'],
  port: number | undefined,
  more: Partial<Monitor> = {},
  address = '127.0.0.1',
): CheckTarget {
  const monitor: Monitor = {
    type,
    intervalMs: 10_000,
    timeoutMs: 4000,
    fall: 3,
    rise: 2,
    quorum: 'majority',
    port,
    ...more,
  };
  return { id: `${type}@${address}`, address, monitor };
}

/** A context that allows loopback; a check that hangs fails the test by its time limit. */
export function contextOf(more: Partial<CheckContext> = {}): CheckContext {
  const guard = createGuard(true);
  return { signal: AbortSignal.timeout(10_000), guard, clock: systemClock, ...more };
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a free port of an address and closes with every connection it has. */
export async function listen(server: Server, address = '127.0.0.1'): Promise<Listening> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A server that accepts, says nothing, and aborts the check as soon as it is connected. */
export async function silentServer(): Promise<Listening & { readonly signal: AbortSignal }> {
  const controller = new AbortController();
  const server = createServer((socket) => {
    socket.resume();
    setImmediate(() => controller.abort());
  });
  return { ...(await listen(server)), signal: controller.signal };
}

/** A port of loopback that nobody listens on. */
export async function closedPort(): Promise<number> {
  const { port, close } = await listen(createServer());
  await close();
  return port;
}
