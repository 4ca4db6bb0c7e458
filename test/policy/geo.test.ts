import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClientClass } from '../../src/geo/client.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { indexRules, matchRules } from '../../src/policy/geo.ts';
import {
  anybody,
  colombo,
  failover,
  geo,
  healthOf,
  latency,
  paris,
  question,
  regions,
  roundRobin,
  service,
  sharesOf,
} from './build.ts';

const everyKind = geo(
  [
    [{ continent: ['NA'] }, 'virginia'],
    [{ country: ['US'] }, 'oregon'],
    [{ subdivision: ['US-CA'] }, 'ireland'],
    [{ asn: [64500] }, 'frankfurt'],
    [{ cidr: ['203.0.112.0/20'] }, 'mumbai'],
    [{ cidr: ['203.0.113.0/24'] }, 'tokyo'],
  ],
  'virginia',
);
const members = {
  virginia: {},
  oregon: {},
  ireland: {},
  frankfurt: {},
  mumbai: {},
  tokyo: {},
};
const whole: ClientClass = {
  continent: 'NA',
  country: 'US',
  subdivision: 'US-CA',
  asn: 64500,
  prefixes: ['203.0.113.0/24', '203.0.112.0/20'],
};

test('geo takes the most specific match: CIDR > ASN > subdivision > country > continent > else', () => {
  const of = service(everyKind, members);
  const { asn: _asn, ...noAsn } = whole;
  const { subdivision: _subdivision, ...noSubdivision } = noAsn;
  const { country: _country, ...noCountry } = noSubdivision;
  const clients: [ClientClass, string][] = [
    [whole, 'tokyo'],
    [{ ...whole, prefixes: ['203.0.112.0/20'] }, 'mumbai'],
    [{ ...whole, prefixes: [] }, 'frankfurt'],
    [{ ...noAsn, prefixes: [] }, 'ireland'],
    [{ ...noSubdivision, prefixes: [] }, 'oregon'],
    [{ ...noCountry, prefixes: [] }, 'virginia'],
    [anybody, 'virginia'],
  ];
  for (const [client, member] of clients)
    assert.deepEqual(sharesOf(of, { client }), { [member]: 1 });
});

test('geo goes down the less specific matches as targets die, then to else', () => {
  const of = service(everyKind, members);
  const dead: Record<string, 'down'> = {};
  for (const member of ['tokyo', 'mumbai', 'frankfurt', 'ireland', 'oregon', 'virginia']) {
    assert.deepEqual(sharesOf(of, { client: whole, health: healthOf(of, dead) }), { [member]: 1 });
    dead[member] = 'down';
  }
});

test('matchRules() takes the longest prefix first, whatever the order of the class', () => {
  const index = indexRules(everyKind.kind === 'geo' ? everyKind.rules : []);
  const client = { prefixes: ['203.0.112.0/20', '203.0.113.0/24'] };
  assert.deepEqual(
    matchRules(index, client).map(({ rule }) => rule),
    [5, 4],
  );
});

test('geo takes the rule written first among equally specific ones', () => {
  const of = service(
    geo([
      [{ country: ['FR'] }, 'ireland'],
      [{ country: ['FR', 'LK'] }, 'frankfurt'],
    ]),
    members,
  );
  assert.deepEqual(sharesOf(of, { client: paris }), { ireland: 1 });
  assert.deepEqual(sharesOf(of, { client: colombo }), { frankfurt: 1 });
});

test('geo at dial 30 sends 70 % to else, and the target gets no second part there', () => {
  const of = service(geo([[{ country: ['LK'] }, 'mumbai']], latency(['mumbai', 'tokyo'])), members);
  const dialed = regions({ mumbai: { dial: 30 } });
  assert.deepEqual(sharesOf(of, { client: colombo, regions: dialed }), { mumbai: 0.3, tokyo: 0.7 });
});

test('geo moves on from a target below minHealthy', () => {
  const of = service(
    geo([[{ continent: ['EU'] }, roundRobin(['ireland', 'frankfurt'])]], 'virginia'),
    members,
    { minHealthy: 0.8 },
  );
  const health = healthOf(of, { ireland: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { virginia: 1 });
});

test('geo takes what is left of its best match when else has nothing', () => {
  const of = service(
    geo([[{ continent: ['EU'] }, roundRobin(['ireland', 'frankfurt'])]], 'virginia'),
    members,
    { minHealthy: 0.8 },
  );
  const health = healthOf(of, { ireland: 'down', virginia: 'down' });
  assert.deepEqual(sharesOf(of, { client: paris, health }), { frankfurt: 1 });
});

test('geo without a match or else answers with every eligible member of the node', () => {
  const of = service(geo([[{ country: ['LK'] }, failover(['mumbai', 'tokyo'])]]), members);
  assert.deepEqual(sharesOf(of, { client: paris }), { mumbai: 0.5, tokyo: 0.5 });
  const { failedOpen, trace } = evaluate(question(of, { client: paris }));
  assert.equal(failedOpen, false);
  assert.match(trace[0]?.note ?? '', /^no rule matches and no else/);
});
