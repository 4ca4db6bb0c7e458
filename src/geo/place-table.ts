import type { ClientPlace } from './client.ts';

/** Places by content, so that equal ones share an index. Index 0 is `{}`. */
export class PlaceTable {
  readonly places: ClientPlace[] = [{}];
  readonly #indexes = new Map<string, number>([[placeKey({}), 0]]);

  indexOf(place: ClientPlace): number {
    const key = placeKey(place);
    let index = this.#indexes.get(key);
    if (index === undefined) {
      index = this.places.push(place) - 1;
      this.#indexes.set(key, index);
    }
    return index;
  }
}

function placeKey(place: ClientPlace): string {
  const { country, continent, subdivision, city, asn, coordinates, approximate } = place;
  const point = coordinates === undefined ? '' : `${coordinates.latitude},${coordinates.longitude}`;
  return `${country}|${continent}|${subdivision}|${asn}|${point}|${approximate}|${city}`;
}
