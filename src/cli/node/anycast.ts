import { systemClock } from '../../base/clock.ts';
import type { Configuration } from '../../control/controller.ts';
import type { DataPlane } from '../../server/data-plane.ts';
import type { NodeOptions } from '../node-options.ts';
import { AnnounceHook, hookOf } from './announce-hook.ts';
import { askSelf } from './ask-self.ts';
import { SelfCheck } from './self-check.ts';

/** The check of whether this node answers; undefined where no DNS is served. */
export function openSelfCheck(
  dataPlane: DataPlane,
  configuration: () => Configuration,
): SelfCheck | undefined {
  if (dataPlane.addresses.length === 0) return undefined;
  return new SelfCheck({
    clock: systemClock,
    listeners: dataPlane.addresses,
    apex: () => configuration().zones.keys().next().value,
    ask: askSelf,
  });
}

/** Starts the operator's hook, where there is one and something to announce. */
export function startAnnouncing(
  { anycastHook, log }: NodeOptions,
  check: SelfCheck | undefined,
): AnnounceHook | undefined {
  if (anycastHook === undefined || check === undefined) return undefined;
  return new AnnounceHook(check, hookOf(anycastHook), systemClock, log);
}
