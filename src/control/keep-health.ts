import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Store } from '../store/store.ts';
import type { HealthControl } from './apply-health.ts';

const saveIntervalMs = 10_000;

/**
 * Puts back what was down before a restart, then writes down what is, every ten seconds and at the
 * end: a restart must not bring dead VIPs back into answers. What cannot be written is logged, and
 * tried again with the next. Returns what ends it.
 */
export function keepHealth(
  health: Pick<HealthControl, 'restore' | 'snapshot'>,
  store: Store,
  clock: Clock,
  log: Log,
): () => void {
  const kept = store.loadHealth();
  if (kept !== undefined) health.restore(kept);
  let saved = '';
  const save = () => {
    const snapshot = health.snapshot();
    // Nothing down twice in a row is nothing new; anything down is written again, for its age.
    const isQuiet = snapshot.down.length === 0;
    const content = JSON.stringify(isQuiet ? ['nothing down', snapshot.agents] : snapshot);
    if (content === saved) return;
    try {
      store.saveHealth(snapshot);
      saved = content;
    } catch (error) {
      log.error({ error: errorText(error) }, 'what is down could not be written for a restart');
    }
  };
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.setTimer(saveIntervalMs, () => {
      save();
      schedule();
    });
  };
  schedule();
  return () => {
    cancel();
    save();
  };
}
