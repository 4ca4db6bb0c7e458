import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { decodeMessage } from '../../src/wire/message.ts';
import { isInstalled, launch, type Peer, versionOf } from './contestants.ts';
import { ask } from './measure.ts';
import { type BenchQuery, makeBenchQueries, origin } from './workload.ts';

/** A server that answers. */
export interface Running {
  readonly peer: Peer;
  readonly child: ChildProcess;
  readonly port: number;
  readonly version: string | undefined;
  /** How its answers compare with Meridian's, in words; undefined when they are not compared. */
  agreement: string | undefined;
}

/** What runs, and what does not and why. */
export interface StartedPeers {
  readonly running: readonly Running[];
  readonly absent: readonly { readonly name: string; readonly reason: string }[];
}

const startMillis = 30_000;
const comparedQueries = 400;

/** Starts all on core 0 and compares what they answer. */
export async function startPeers(
  peers: readonly Peer[],
  folder: string,
  database: string,
): Promise<StartedPeers> {
  const running: Running[] = [];
  const absent: { name: string; reason: string }[] = [];
  try {
    for (const [index, peer] of peers.entries()) {
      const started = await startPeer(peer, join(folder, `peer${index}`), database);
      if (typeof started === 'string') absent.push({ name: peer.name, reason: started });
      else running.push(started);
    }
    for (const one of running.slice(1)) one.agreement = await compare(running[0], one);
  } catch (error) {
    await stopPeers(running);
    throw error;
  }
  return { running, absent };
}

async function startPeer(peer: Peer, folder: string, database: string): Promise<Running | string> {
  mkdirSync(folder, { mode: 0o755 });
  const port = await freePort();
  const plan = peer.configure({ folder, port, database });
  if (!isInstalled(plan)) return 'not installed';
  const logPath = join(folder, 'output');
  const log = openSync(logPath, 'a');
  const child = launch(plan, '0', log);
  closeSync(log);
  if (await becomesReady(port, peer.check, child)) {
    const version = peer.version && versionOf(peer.version);
    return { peer, child, port, version, agreement: undefined };
  }
  await stopChild(child);
  return `does not start: ${readFileSync(logPath, 'utf8').trim().split('\n').slice(-3).join(' | ')}`;
}

/** Asks until a server answers from its zone; false when it does not in time, or has ended. */
export async function becomesReady(
  port: number,
  check: Peer['check'],
  child?: ChildProcess,
): Promise<boolean> {
  const [query] = makeBenchQueries(1, false);
  const until = performance.now() + startMillis;
  while (query !== undefined && performance.now() < until && (child?.exitCode ?? null) === null) {
    const answer = await ask(port, query.packet, 200);
    const rcode = (answer?.[3] ?? 0) & 15;
    if (answer !== undefined && (check === 'question' || rcode === query.rcode)) return true;
    await setTimeout(100);
  }
  return false;
}

/** Ends the servers, politely first. */
export async function stopPeers(running: readonly Running[]): Promise<void> {
  await Promise.all(running.map(({ child }) => stopChild(child)));
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const killer = new AbortController();
  setTimeout(5000, undefined, { signal: killer.signal }).then(
    () => child.kill('SIGKILL'),
    () => {},
  );
  await gone;
  killer.abort();
}

/** A port that is free for TCP, and was for UDP most likely. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Asks both servers the same and compares RCODEs and records, as far as the peer steers. */
async function compare(meridian: Running | undefined, other: Running): Promise<string | undefined> {
  const { steers, check } = other.peer;
  if (meridian?.peer.name !== 'meridian' || check !== 'answer') return undefined;
  let equal = 0;
  let compared = 0;
  let difference = '';
  for (const hasSubnet of steers === 'by subnet' ? [false, true] : [false]) {
    for (const [index, query] of makeBenchQueries(comparedQueries / 2, hasSubnet, 7).entries()) {
      if (steers === 'no' && query.name === `www.${origin}`) continue;
      const from = `127.1.${index % 8}.1`;
      const [ours, theirs] = await Promise.all(
        [meridian, other].map(async ({ port }) => told(await ask(port, query.packet, 1000, from))),
      );
      compared += 1;
      if (ours === theirs) equal += 1;
      else difference ||= ` (${describe(query)}: ${theirs} where Meridian says ${ours})`;
    }
  }
  return `${equal} of ${compared} answers equal Meridian's${difference}`;
}

const describe = ({ name, packet }: BenchQuery) =>
  `${name} ${Buffer.from(packet.subarray(-3)).join('.')}`;

/** What an answer says, in a form to compare: RCODE, and type and rdata of each answer record. */
function told(packet: Uint8Array | undefined): string {
  const message = packet && decodeMessage(packet);
  if (message === undefined) return 'nothing';
  const records = message.answers.map(
    ({ type, rdata }) => `${type} ${Buffer.from(rdata).toString('hex')}`,
  );
  return [message.rcode, ...records.sort()].join(', ');
}
