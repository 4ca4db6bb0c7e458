import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGazetteer } from '../../geodata/gazetteer.ts';
import { allCountries, continents, findCountry } from '../../src/geo/countries.ts';
import { distanceKm } from '../../src/geo/distance.ts';
import { allPlaces, findPlace, suggestPlaces } from '../../src/geo/places.ts';
import { loadPopulation } from '../../src/geo/population.ts';

const gazetteer = readGazetteer();
const places = [...allPlaces()];

test('every place lies near a city of the country that it names', () => {
  const wrong: string[] = [];
  const byCountry = Map.groupBy(gazetteer, (city) => city.country);
  for (const { id, country, coordinates } of places) {
    const near = (byCountry.get(country) ?? []).some((city) => distanceKm(coordinates, city) < 150);
    if (!near) wrong.push(id);
  }
  assert.deepEqual(wrong, []);
});

test('the city nearest to a place is in its country, but for those at a border', () => {
  // Airports and regions whose nearest town lies across a border.
  const atBorder = new Set(['iata:FRU', 'iata:VTE']);
  const byLatitude = Map.groupBy(gazetteer, (city) => Math.floor(city.latitude));
  const wrong: string[] = [];
  for (const { id, country, coordinates } of places) {
    const row = Math.floor(coordinates.latitude);
    const around = [-2, -1, 0, 1, 2].flatMap((step) => byLatitude.get(row + step) ?? []);
    const nearest = around.reduce((best, city) =>
      distanceKm(coordinates, city) < distanceKm(coordinates, best) ? city : best,
    );
    if (nearest.country !== country && !atBorder.has(id)) wrong.push(`${id}: ${nearest.country}`);
  }
  assert.deepEqual(wrong, []);
});

test('the table has the regions of the large providers and the busy airports', () => {
  const count = (prefix: string) => places.filter(({ id }) => id.startsWith(prefix)).length;
  assert.ok(count('aws:') >= 36 && count('gcp:') >= 42 && count('azure:') >= 55);
  assert.ok(count('iata:') >= 500);
  assert.equal(new Set(places.map(({ id }) => id)).size, places.length);
});

test('findPlace() finds regions, airports and cities', () => {
  const near = (id: string, latitude: number, longitude: number, country: string) => {
    const place = findPlace(id);
    assert.ok(place, id);
    assert.equal(place.country, country, id);
    assert.ok(distanceKm(place.coordinates, { latitude, longitude }) < 50, id);
  };
  near('aws:us-east-1', 39.0, -77.5, 'US');
  near('aws:eu-west-1', 53.3, -6.3, 'IE');
  near('gcp:europe-west1', 50.45, 3.8, 'BE');
  near('azure:westeurope', 52.4, 4.9, 'NL');
  near('iata:FRA', 50.03, 8.56, 'DE');
  near('iata:syd', -33.9, 151.2, 'AU');
  near('city:Frankfurt am Main,DE', 50.1, 8.7, 'DE');
  near('city:sao paulo, br', -23.5, -46.6, 'BR');
});

test('findPlace() finds nothing for names of nothing', () => {
  for (const text of ['', 'aws:', 'mars:base-1', 'FRA', 'city:Paris', 'x'.repeat(10_000)]) {
    assert.equal(findPlace(text), undefined, text.slice(0, 20));
  }
});

test('suggestPlaces() proposes what a misspelt name may have meant', () => {
  assert.equal(suggestPlaces('aws:us-esat-1')[0], 'aws:us-east-1');
  assert.equal(suggestPlaces('aws:eu-wst-1')[0], 'aws:eu-west-1');
  assert.equal(suggestPlaces('gpc:europe-west1')[0], 'gcp:europe-west1');
  assert.deepEqual(suggestPlaces('us-east-1'), ['aws:us-east-1']);
  assert.ok(suggestPlaces('FRA').includes('iata:FRA'));
  assert.ok(suggestPlaces('frankfurt').length > 0);
  assert.ok(suggestPlaces('city:Frankfort am Main,DE').includes('city:Frankfurt am Main,DE'));
  assert.deepEqual(suggestPlaces('qqqqqqqq'), []);
  assert.ok(suggestPlaces('a').length <= 5);
  assert.deepEqual(suggestPlaces('x'.repeat(10_000)), []);
});

test('the table of countries is ISO 3166-1 with Kosovo, each with continent and centre', () => {
  const countries = [...allCountries().values()];
  assert.equal(countries.length, 250);
  for (const { code, continent, coordinates, name } of countries) {
    assert.match(code, /^[A-Z]{2}$/);
    assert.ok(continents.has(continent), code);
    assert.ok(name.length > 2);
    assert.ok(Math.abs(coordinates.latitude) <= 90 && Math.abs(coordinates.longitude) <= 180);
  }
  assert.equal(findCountry('DE')?.continent, 'EU');
  assert.equal(findCountry('de'), undefined);
  assert.equal(findCountry('EU'), undefined);
});

test('the centre of a country is near its people', () => {
  const near = (code: string, latitude: number, longitude: number, km: number) => {
    const centre = findCountry(code)?.coordinates;
    assert.ok(centre && distanceKm(centre, { latitude, longitude }) < km, code);
  };
  near('DE', 51, 9.5, 150);
  near('US', 38, -92, 500);
  near('SG', 1.3, 103.8, 30);
  // On both sides of the 180th meridian.
  near('FJ', -17.9, 178.3, 200);
});

test('the population is that of GeoNames, in total and by country', () => {
  const sum = (of: readonly { country: string; inhabitants: number }[], country?: string) =>
    of
      .filter((place) => country === undefined || place.country === country)
      .reduce((total, { inhabitants }) => total + inhabitants, 0);
  const population = loadPopulation();
  assert.equal(sum(population), sum(gazetteer));
  for (const { code, inhabitants } of allCountries().values()) {
    assert.equal(sum(population, code), inhabitants, code);
  }
});

test('the population names states in the United States, and places outside of cities', () => {
  const population = loadPopulation();
  const find = (name: string, country: string) =>
    population.find((place) => place.name === name && place.country === country);
  assert.equal(find('Los Angeles', 'US')?.subdivision, 'US-CA');
  assert.equal(find('Berlin', 'DE')?.subdivision, undefined);
  assert.equal(find('Berlin', 'DE')?.city, true);
  assert.equal(find('elsewhere in US-CA', 'US')?.city, false);
  assert.ok(population.every(({ country }) => findCountry(country) !== undefined));
});
