import { performance } from 'node:perf_hooks';
import { errorText } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RunningNode } from '../start-node.ts';
import { handOver } from './hand-over.ts';
import { type RestartProgress, writeProgress } from './progress.ts';
import { notifyReady } from './service-manager.ts';

const restartSignal = 'SIGUSR2';

export interface ServingOptions {
  readonly data: string;
  readonly log: Log;
  /** Why this process cannot be replaced while it serves; undefined when it can. */
  readonly whyNotRestart: string | undefined;
}

/** Until `close`, who asks for a restart hears that the process is still starting. */
export function refuseRestarts(data: string): { close(): void } {
  const refuse = () => {
    const reason = 'it is still starting; ask again when it serves';
    tell(data, { state: 'failed', pid: process.pid, reason });
  };
  process.on(restartSignal, refuse);
  return { close: () => process.off(restartSignal, refuse) };
}

/**
 * Resolves at the first SIGINT or SIGTERM, or when another process has taken this one's place, which
 * SIGUSR2 starts. A second SIGINT or SIGTERM ends the process at once.
 */
export function serveUntilEnd(node: RunningNode, options: ServingOptions): Promise<void> {
  return new Promise((done) => {
    // Timers of the node do not keep the process alive, but an open event loop handle must.
    const keepAlive = setInterval(() => {}, 1 << 30);
    const abort = new AbortController();
    let restarting: Promise<boolean> | undefined;
    const end = () => {
      clearInterval(keepAlive);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) {
        process.removeListener(signal, stop);
        process.once(signal, () => process.exit(130));
      }
      done();
    };
    const stop = () => {
      abort.abort();
      if (restarting === undefined) end();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop);
    process.on(restartSignal, () => {
      restarting ??= restart(node, options, abort.signal).then((isReplaced) => {
        if (isReplaced || abort.signal.aborted) end();
        else restarting = undefined;
        return isReplaced;
      });
    });
  });
}

/** Starts a successor; returns whether it has taken over. Never rejects. */
async function restart(
  node: RunningNode,
  { data, log, whyNotRestart }: ServingOptions,
  abort: AbortSignal,
): Promise<boolean> {
  const { pid } = process;
  const fail = (reason: string) => {
    tell(data, { state: 'failed', pid, reason });
    log.error({ reason }, `no restart, this process goes on serving: ${reason}`);
    return false;
  };
  if (whyNotRestart !== undefined) return fail(whyNotRestart);
  tell(data, { state: 'under-way', pid });
  log.info({}, 'a new process is started to take the place of this one');
  const beganMs = performance.now();
  try {
    const outcome = await handOver(node, log, abort);
    if ('reason' in outcome) return fail(outcome.reason);
    const { successor } = outcome;
    const successorPid = successor.pid ?? 0;
    await notifyReady(successorPid);
    tell(data, { state: 'done', pid, successor: successorPid });
    const tookMs = Math.round(performance.now() - beganMs);
    log.info({ successor: successorPid, tookMs }, `process ${successorPid} serves in its place`);
    successor.disconnect();
    successor.unref();
    return true;
  } catch (error) {
    return fail(errorText(error));
  }
}

/** A data directory that cannot be written to must not end the service. */
function tell(data: string, progress: RestartProgress): void {
  try {
    writeProgress(data, progress);
  } catch {
    // Whoever asked sees that nothing is heard; the log has the rest.
  }
}
