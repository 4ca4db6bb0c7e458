import { type ChildProcess, spawn } from 'node:child_process';
import { errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RunningNode } from '../start-node.ts';
import { type FromPredecessor, type FromSuccessor, socketsVariable } from './messages.ts';
import { descriptorsOf, renumber } from './node-sockets.ts';

/** How long a successor may take to load its program and databases, milliseconds. */
const preparedMs = 120_000;

/** How long it may take to read the store and compile, milliseconds. */
const completeMs = 600_000;

/** How long until what was let go of is tried to be had again, milliseconds. */
const resumeRetryMs = 1000;

/** What a successor's descriptors begin with: standard streams and the channel to this process. */
const firstDescriptor = 4;

/** What became of a restart. */
export type HandedOver = { readonly successor: ChildProcess } | { readonly reason: string };

/**
 * Starts a process like this one, which takes its place (messages.ts). When that succeeds, the node is
 * closed, and all that is left to do is to disconnect from the successor; otherwise the node serves as
 * before, and `reason` says why. Aborting the signal kills the successor.
 */
export async function handOver(
  node: RunningNode,
  log: Log,
  abort: AbortSignal,
): Promise<HandedOver> {
  const sockets = node.sockets();
  if (descriptorsOf(sockets).some((descriptor) => descriptor <= 0)) {
    return { reason: 'the sockets of this process cannot be handed over on this platform' };
  }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc', ...descriptorsOf(sockets)],
    env: { ...process.env, [socketsVariable]: JSON.stringify(renumber(sockets, firstDescriptor)) },
  });
  const kill = () => child.kill('SIGKILL');
  abort.addEventListener('abort', kill, { once: true });
  let isReleased = false;
  try {
    await heard(child, 'prepared', preparedMs);
    isReleased = true;
    await node.release();
    child.send({ kind: 'released' } satisfies FromPredecessor);
    await heard(child, 'complete', completeMs);
    abort.removeEventListener('abort', kill);
    await node.close(true);
    return { successor: child };
  } catch (error) {
    kill();
    await ended(child);
    if (isReleased && !abort.aborted) await resume(node, log);
    return { reason: errorText(error) };
  }
}

/** Resolves with a message of the successor; rejects when that ends, or says nothing for too long. */
function heard(child: ChildProcess, kind: FromSuccessor['kind'], withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error) => {
      clearTimeout(timer);
      child.off('message', onMessage);
      child.off('exit', onExit);
      child.off('error', settle);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onMessage = (message: unknown) => {
      if ((message as FromSuccessor).kind === kind) settle();
    };
    const onExit = (code: number | null, signal: NodeJS.Signals | null) => {
      const how = signal === null ? `with code ${code}` : `by ${signal}`;
      settle(new Error(`the new process ended ${how} before it was ${kind}; its log says why`));
    };
    const timer = setTimeout(() => {
      settle(new Error(`the new process was not ${kind} within ${withinMs / 1000} s`));
    }, withinMs);
    child.on('message', onMessage);
    child.on('exit', onExit);
    child.on('error', settle);
    if (child.exitCode !== null || child.signalCode !== null) {
      onExit(child.exitCode, child.signalCode);
    }
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
    return Promise.resolve();
  }
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** The store may be locked for a moment longer, and the port be taken. */
async function resume(node: RunningNode, log: Log): Promise<void> {
  for (;;) {
    try {
      await node.resume();
      return;
    } catch (error) {
      const fields = { error: errorText(error), retryMs: resumeRetryMs };
      log.error(fields, `the store cannot be had back yet: ${errorText(error)}`);
      await new Promise((done) => setTimeout(done, resumeRetryMs));
    }
  }
}
