import { createSocket } from 'node:dgram';
import { Random } from '../src/base/random.ts';

/** Closed-loop load: so many queries are always under way until time is up. */
export interface Load {
  readonly port: number;
  readonly queries: readonly Uint8Array[];
  readonly durationMs: number;
  /** Queries under way at once. */
  readonly window: number;
}

export interface LoadResult {
  readonly answered: number;
  /** Sent again after 200 ms without an answer. */
  readonly lost: number;
  readonly seconds: number;
}

/**
 * The query mix of docs/performance.md: 60 % steered A, 15 % steered AAAA, 15 % static, 5 % wildcard,
 * 5 % NXDOMAIN; with `ecs`, a random /24 in every query.
 */
export function makeQueries(count: number, ecs: boolean, seed = 1): Uint8Array[] {
  const random = new Random(seed);
  const queries: Uint8Array[] = [];
  for (let index = 0; index < count; index += 1) {
    const draw = random.below(100);
    const label = random.uint32().toString(36);
    const [name, type] =
      draw < 60
        ? ['www.bench.test', 1]
        : draw < 75
          ? ['www.bench.test', 28]
          : draw < 90
            ? [`static${random.below(100)}.bench.test`, 1]
            : draw < 95
              ? [`${label}.wild.bench.test`, 1]
              : [`${label}.bench.test`, 1];
    queries.push(
      encodeQuery(index & 0xffff, name as string, type as number, ecs ? random : undefined),
    );
  }
  return queries;
}

/** A plain query with EDNS, and a client subnet drawn from `random` when it is given. */
export function encodeQuery(id: number, name: string, type: number, random?: Random): Uint8Array {
  const labels = name.split('.');
  const bytes: number[] = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
  for (const label of labels) bytes.push(label.length, ...Buffer.from(label));
  bytes.push(0, type >> 8, type & 255, 0, 1);
  bytes.push(0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0);
  if (random === undefined) bytes.push(0, 0);
  else {
    const subnet = random.uint32();
    bytes.push(0, 11, 0, 8, 0, 7, 0, 1, 24, 0);
    bytes.push(1 + ((subnet >>> 24) % 223), (subnet >>> 16) & 255, (subnet >>> 8) & 255);
  }
  return Uint8Array.from(bytes);
}

/** Drives one server and counts what comes back. */
export function runLoad(load: Load): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 });
    let answered = 0;
    let lost = 0;
    let next = 0;
    let answeredAtLastLook = 0;
    const sendOne = () => {
      socket.send(load.queries[next] ?? new Uint8Array(0));
      next = (next + 1) % load.queries.length;
    };
    socket.on('error', reject);
    socket.on('message', () => {
      answered += 1;
      sendOne();
    });
    socket.connect(load.port, '127.0.0.1', () => {
      const start = performance.now();
      for (let index = 0; index < load.window; index += 1) sendOne();
      const look = setInterval(() => {
        if (answered === answeredAtLastLook) {
          lost += load.window;
          for (let index = 0; index < load.window; index += 1) sendOne();
        }
        answeredAtLastLook = answered;
      }, 200);
      setTimeout(() => {
        clearInterval(look);
        const seconds = (performance.now() - start) / 1000;
        socket.close(() => resolve({ answered, lost, seconds }));
      }, load.durationMs);
    });
  });
}
