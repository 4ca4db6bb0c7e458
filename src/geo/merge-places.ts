import type { ClientPlace } from './client.ts';
import { findCountry } from './countries.ts';

/**
 * What two sources say together: each field from the upper one if it has it. Where the upper one
 * names another country or subdivision, what lies within the lower one's is left out, so that an
 * address never is in France at the coordinates of Berlin.
 */
export function mergePlaces(upper: ClientPlace, lower: ClientPlace): ClientPlace {
  const abroad = upper.country !== undefined && upper.country !== lower.country;
  const elsewhere =
    abroad || (upper.subdivision !== undefined && upper.subdivision !== lower.subdivision);
  const country = upper.country ?? lower.country;
  const continent = upper.continent ?? (abroad ? undefined : lower.continent);
  const subdivision = upper.subdivision ?? (abroad ? undefined : lower.subdivision);
  const asn = upper.asn ?? lower.asn;
  const moved = elsewhere || upper.coordinates !== undefined;
  const city = upper.city ?? (moved ? undefined : lower.city);
  const located = upper.coordinates !== undefined || elsewhere ? upper : lower;
  return {
    ...(country === undefined ? {} : { country }),
    ...(continent === undefined ? {} : { continent }),
    ...(subdivision === undefined ? {} : { subdivision }),
    ...(city === undefined ? {} : { city }),
    ...(asn === undefined ? {} : { asn }),
    ...(located.coordinates === undefined ? {} : { coordinates: located.coordinates }),
    ...(located.approximate === true ? { approximate: true } : {}),
  };
}

/** Adds the centre of the country, marked as approximate, to a place without coordinates. */
export function withCentre(place: ClientPlace): ClientPlace {
  if (place.coordinates !== undefined || place.country === undefined) return place;
  const coordinates = findCountry(place.country)?.coordinates;
  return coordinates === undefined ? place : { ...place, coordinates, approximate: true };
}
