import type { Coordinates } from '../geo/client.ts';
import { distanceKm } from '../geo/distance.ts';

/** What distance alone says: 16 ms of access and detours, and 16 ms for every 1,000 km. */
export const baseMs = 16;
export const msPerKm = 16 / 1000;

/** The round-trip time, in milliseconds, that the distance between two places makes likely. */
export function msByDistance(a: Coordinates, b: Coordinates): number {
  return baseMs + msPerKm * distanceKm(a, b);
}
