import { type Steps, sliceSteps } from '../base/steps.ts';
import { checkAhead, checkWhole, expectCheck, minCheckedNames } from '../zone/check-edit.ts';
import type { Zone } from '../zone/zone.ts';
import type { Configuration } from './controller.ts';
import { movedZones } from './load-configuration.ts';

/**
 * Checks the large ones of some zones that are stored in slices, so that edits know of problems elsewhere
 * in their zone. Gives up when `isOver` says so.
 */
export async function lookOver(zones: Iterable<Zone>, isOver: () => boolean): Promise<void> {
  const large = [...zones].filter(({ nodes }) => nodes.size >= minCheckedNames);
  for (const zone of large) expectCheck(zone);
  for (const zone of large) {
    await sliceSteps(endedBy(checkWhole(zone), isOver));
    if (isOver()) return;
  }
}

/** The zones that a configuration has and the one before had not. */
export function* newZones(current: Configuration, next: Configuration): Generator<Zone> {
  for (const origin of movedZones(current, next)) {
    const zone = next.zones.get(origin);
    if (zone !== undefined && !current.zones.has(origin)) yield zone;
  }
}

function* endedBy(steps: Steps<unknown>, isOver: () => boolean): Steps<void> {
  while (steps.next().done !== true && !isOver()) yield;
}

/** Does what `checkChange` would have to do of a large zone as a whole, while all else goes on. */
export async function checkZonesAhead(next: Configuration, current: Configuration): Promise<void> {
  for (const origin of movedZones(current, next)) {
    const before = current.zones.get(origin);
    const after = next.zones.get(origin);
    if (before === undefined || after === undefined || after === before) continue;
    await sliceSteps(checkAhead(before, after));
  }
}
