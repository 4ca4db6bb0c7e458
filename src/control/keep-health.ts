import type { Clock } from '../base/clock.ts';
import type { Store } from '../store/store.ts';
import type { HealthControl } from './apply-health.ts';

const saveIntervalMs = 10_000;

/**
 * Puts back what was down before a restart, then writes down what is, every ten seconds and at the
 * end: a restart must not bring dead VIPs back into answers. Returns what ends it.
 */
export function keepHealth(health: HealthControl, store: Store, clock: Clock): () => void {
  const kept = store.loadHealth();
  if (kept !== undefined) health.restore(kept);
  let saved = '';
  const save = () => {
    const snapshot = health.snapshot();
    // Nothing down twice in a row is nothing new; anything down is written again, for its age.
    const content = snapshot.down.length === 0 ? 'nothing down' : JSON.stringify(snapshot);
    if (content !== saved) store.saveHealth(snapshot);
    saved = content;
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
