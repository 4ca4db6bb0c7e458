import { systemClock } from '../../base/clock.ts';
import type { AnsweringPart } from '../answering-part.ts';
import type { Closers } from '../closers.ts';
import type { NodeOptions } from '../node-options.ts';
import { AnnounceHook, hookOf } from './announce-hook.ts';
import { askSelf } from './ask-self.ts';
import { SelfCheck } from './self-check.ts';

/**
 * Prepares the check of whether this node answers, and starts the operator's hook where there is one.
 * Nothing is returned where no DNS is served.
 */
export function startAnycast(
  options: NodeOptions,
  { configuration, dataPlane }: AnsweringPart,
  closers: Closers,
): SelfCheck | undefined {
  if (dataPlane.addresses.length === 0) return undefined;
  const clock = systemClock;
  const check = new SelfCheck({
    clock,
    listeners: dataPlane.addresses,
    apex: () => configuration().zones.keys().next().value,
    ask: askSelf,
  });
  if (options.anycastHook !== undefined) {
    const hook = new AnnounceHook(check, hookOf(options.anycastHook), clock, options.log);
    closers.add(() => hook.close());
  }
  return check;
}
