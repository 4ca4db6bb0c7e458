import { errorText, type Problem } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { isClusterFailure } from '../../control/replication.ts';

const retryMs = 2000;

export interface FillingCluster {
  readonly log: Log;
  /** Whether there is no revision here yet, of whomever; false also once this process ends. */
  isEmpty(): boolean;
  /** Whether this process may make one now. */
  leads(): boolean;
  /** Makes the first revision, whole or not at all; resolves with what was left out of it. */
  fill(): Promise<readonly Problem[]>;
  pause(delayMs: number): Promise<void>;
}

/**
 * Fills an empty cluster while this process leads it, and tries again where the bus or the lease fails it:
 * on a machine that is too busy the lease may run out while a large folder is compiled. Resolves with
 * nothing once somebody has filled it, or after `attempts`. Throws what is wrong with the folder itself.
 */
export async function fillCluster(
  { log, isEmpty, leads, fill, pause }: FillingCluster,
  attempts = Number.POSITIVE_INFINITY,
): Promise<readonly Problem[]> {
  for (let attempt = 1; isEmpty(); attempt += 1) {
    try {
      if (leads()) return await fill();
    } catch (error) {
      if (!isClusterFailure(error)) throw error;
      const text = errorText(error);
      const message = `the cluster is empty and could not be filled yet; it is tried again: ${text}`;
      log.warn({ error: text, attempt }, message);
    }
    if (attempt >= attempts) break;
    await pause(retryMs);
  }
  return [];
}
