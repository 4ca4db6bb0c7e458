import { type Steps, sliceSteps } from '../base/steps.ts';
import { checkAhead, minCheckedNames } from '../zone/check-edit.ts';
import type { Zone } from '../zone/zone.ts';
import type { Configuration } from './controller.ts';
import { movedZones } from './load-configuration.ts';

/** Checks of large zones that are under way. */
const underWay = new WeakMap<Zone, Promise<void>>();

/**
 * Checks the large ones of some zones in slices, so that their first edit need not wait for that. Gives
 * up when `isOver` says so.
 */
export async function lookOver(zones: Iterable<Zone>, isOver: () => boolean): Promise<void> {
  for (const zone of zones) {
    if (zone.nodes.size < minCheckedNames) continue;
    const check = sliceSteps(endedBy(checkAhead(undefined, zone), isOver));
    underWay.set(zone, check);
    await check;
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

/** Does what `checkChange` would have to do of a large zone as a whole, while all else goes on. */
export async function checkZonesAhead(next: Configuration, current: Configuration): Promise<void> {
  for (const origin of movedZones(current, next)) {
    const before = current.zones.get(origin);
    const after = next.zones.get(origin);
    if (before === undefined || after === undefined || after === before) continue;
    await underWay.get(before);
    await sliceSteps(checkAhead(before, after));
  }
}

function* endedBy(steps: Steps<void>, isOver: () => boolean): Steps<void> {
  while (steps.next().done !== true && !isOver()) yield;
}
