import type { Coordinates } from '../geo/client.ts';
import { findPlace, suggestPlaces } from '../geo/places.ts';
import { at, type Findings } from './findings.ts';
import { type Form, readNumber, readText } from './read-form.ts';

/** Where something is: a place by name, or a point on the map. */
export interface PlacedAt {
  readonly place?: string;
  readonly coordinates: Coordinates;
}

/** Keys that say where something is. */
export const placeKeys = ['place', 'latitude', 'longitude'] as const;

/** Reads `place`, or `latitude` and `longitude`; undefined when there is neither or it is wrong. */
export function readPlace(
  form: Form,
  path: string,
  what: string,
  findings: Findings,
): PlacedAt | undefined {
  const { place, latitude, longitude } = form;
  if (place !== undefined && (latitude !== undefined || longitude !== undefined)) {
    const message = `${what} has both a place and coordinates; keep one of the two`;
    findings.error('E_CONFLICT', path, message);
    return undefined;
  }
  if (place !== undefined) return readNamedPlace(place, at(path, 'place'), what, findings);
  if (latitude === undefined && longitude === undefined) return undefined;
  if (latitude === undefined || longitude === undefined) {
    const missing = latitude === undefined ? 'latitude' : 'longitude';
    findings.error('E_FORM_MISSING', path, `${what} has no ${missing}; a point needs both`);
    return undefined;
  }
  const range = (max: number) => ({ min: -max, max });
  const lat = readNumber(latitude, at(path, 'latitude'), 'latitude', range(90), findings);
  const lon = readNumber(longitude, at(path, 'longitude'), 'longitude', range(180), findings);
  if (lat === undefined || lon === undefined) return undefined;
  return { coordinates: { latitude: lat, longitude: lon } };
}

/** Writes a place as it was given. */
export function formatPlace(placed: {
  readonly place?: string;
  readonly coordinates?: Coordinates;
}): Record<string, unknown> {
  if (placed.place !== undefined) return { place: placed.place };
  return placed.coordinates === undefined ? {} : { ...placed.coordinates };
}

function readNamedPlace(
  value: unknown,
  path: string,
  what: string,
  findings: Findings,
): PlacedAt | undefined {
  const name = readText(value, path, 'place', findings, 64);
  if (name === undefined) return undefined;
  const found = findPlace(name);
  if (found !== undefined) return { place: name, coordinates: found.coordinates };
  const near = suggestPlaces(name).slice(0, 5);
  const remedy =
    near.length > 0
      ? `did you mean ${near.map((other) => `"${other}"`).join(' or ')}?`
      : 'write latitude and longitude, or a place such as aws:eu-west-1, gcp:europe-west1, iata:FRA';
  findings.error('E_PLACE_UNKNOWN', path, `${what} has the unknown place "${name}"; ${remedy}`);
  return undefined;
}
