import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  distinctionsKey,
  distinctionsOf,
  type MeasuredKeys,
} from '../../src/policy/distinctions.ts';
import type { PolicyNode } from '../../src/policy/traffic.ts';
import { failover, geo, latency, nearest, regions, roundRobin, service, sticky } from './build.ts';

const nothing: MeasuredKeys = { prefixes: [], asns: [], countries: [] };
const measured: MeasuredKeys = { prefixes: ['203.0.113.0/24'], asns: [64500], countries: ['IN'] };
const members = { ireland: {}, tokyo: {} };
const names = Object.keys(members);

const distinguish = (policy: PolicyNode, keys = nothing) =>
  distinctionsOf(service(policy, members), regions(), keys);

test('distinctionsOf() is undefined for policies that treat every client alike', () => {
  assert.equal(distinguish(failover([roundRobin(names), sticky(names)]), measured), undefined);
});

test('distinctionsOf() takes only what geo rules name, without coordinates', () => {
  const policy = geo(
    [
      [{ country: ['LK', 'IN'], cidr: ['203.0.113.0/24'] }, 'tokyo'],
      [{ continent: ['EU'], asn: [64501, 64500] }, geo([[{ country: ['IN'] }, 'ireland']])],
    ],
    'ireland',
  );
  assert.deepEqual(distinguish(policy, measured), {
    countries: ['IN', 'LK'],
    continents: ['EU'],
    subdivisions: [],
    asns: [64500, 64501],
    prefixes: ['203.0.113.0/24'],
    coordinates: false,
  });
});

test('distinctionsOf() needs coordinates alone for a nested nearest', () => {
  assert.deepEqual(distinguish(failover([nearest(names), 'tokyo']), measured), {
    countries: [],
    continents: [],
    subdivisions: [],
    asns: [],
    prefixes: [],
    coordinates: true,
  });
});

test('distinctionsOf() tells measured keys apart for latency', () => {
  assert.deepEqual(distinguish(geo([], latency(names)), measured), {
    countries: ['IN'],
    continents: [],
    subdivisions: [],
    asns: [64500],
    prefixes: ['203.0.113.0/24'],
    coordinates: true,
  });
});

test('distinctionsKey() is equal for equal needs, whatever their order in the policies', () => {
  const key = (countries: string[]) => {
    const found = distinguish(geo([[{ country: countries }, 'tokyo']]));
    return found === undefined ? '' : distinctionsKey(found);
  };
  assert.equal(key(['IN', 'LK']), key(['LK', 'IN']));
  assert.notEqual(key(['IN', 'LK']), key(['IN']));
});
