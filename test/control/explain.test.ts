import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { formatPrefix, type IpAddress, maskIp, parseIp } from '../../src/base/ip.ts';
import { type ExplainParts, explain } from '../../src/control/explain.ts';
import type { ServiceHealth } from '../../src/health/verdict.ts';
import type { BlendLatency } from '../../src/latency/estimate.ts';
import type { Choice } from '../../src/policy/choice.ts';
import type { NetworkOverride, Service } from '../../src/policy/traffic.ts';
import { situation } from '../policy/arbitrary.ts';
import {
  byDistance,
  failover,
  geo,
  regions,
  roundRobin,
  service,
  sticky,
} from '../policy/build.ts';
import { geoOf, Serving, zone } from './serving.ts';

const networks: readonly NetworkOverride[] = [
  {
    cidr: '203.0.112.0/20',
    country: 'IN',
    asn: 64500,
    coordinates: { latitude: 19, longitude: 73 },
  },
  { cidr: '203.0.113.128/25', country: 'LK', asn: 64501 },
  { cidr: '198.51.100.0/24', country: 'US', subdivision: 'US-CA' },
  { cidr: '192.0.0.0/9', country: 'FR', coordinates: { latitude: 48, longitude: 2 } },
  { cidr: '2001:db8::/32', country: 'FR' },
  { cidr: '2001:db8:7::/48', country: 'US', asn: 64500 },
];

/** Where networks begin and end, and anywhere. */
const word = fc.integer({ min: 0, max: 0xffff_ffff });
const client: fc.Arbitrary<IpAddress> = fc.oneof(
  fc
    .constantFrom('203.0.113.127', '203.0.113.128', '203.0.127.255', '198.51.100.9', '192.0.0.1')
    .map((text) => parseIp(text) ?? assert.fail()),
  fc.constantFrom('2001:db8:7::1', '2001:db8::', '2001:db9::5').map((text) => parseIp(text)!),
  word.map((w0): IpAddress => ({ family: 4, words: [w0, 0, 0, 0] })),
  fc.tuple(word, word).map(([w0, w1]): IpAddress => ({ family: 6, words: [w0, w1, 0, 1] })),
);

interface Stage {
  readonly serving: Serving;
  readonly parts: ExplainParts;
}

function stage(
  web: Service,
  health: ServiceHealth = new Map(),
  where = regions(),
  record = 'www STEER web',
): Stage {
  const serving = new Serving({ health: () => health });
  serving.serve({
    zones: [zone('example.', `${record}\n`)],
    services: { web },
    regions: where,
    networks,
  });
  const { images } = serving;
  const blend: BlendLatency = (...asked) => {
    const estimate = byDistance(...asked);
    return estimate && { ...estimate, parts: [] };
  };
  return {
    serving,
    parts: { images, geo: geoOf, health: () => health, estimate: byDistance, blend },
  };
}

function everyAddress(choice: Choice): string[] {
  if (choice.kind === 'empty') return [];
  if (choice.kind === 'fixed' || choice.kind === 'rotate') {
    return choice.vips.map(({ address }) => address);
  }
  return choice.alternatives.flatMap((one) => everyAddress(one.choice));
}

test('explain() and the data plane agree on addresses, TTL and scope (invariant 14)', () => {
  const seen = { answered: 0, negative: 0, scoped: 0, several: 0 };
  fc.assert(
    fc.property(
      situation(4),
      fc.constantFrom('www STEER web', 'www 17 STEER web', 'www 60 CNAME x\nx STEER web'),
      fc.array(fc.tuple(client, fc.integer({ min: 1, max: 128 })), { minLength: 6, maxLength: 6 }),
      ({ service: web, regions: where, health }, record, clients) => {
        const { serving, parts } = stage(web, health, new Map(where), record);
        for (const [address, bits] of clients) {
          const length = address.family === 4 ? Math.min(32, bits) : bits;
          const prefix = { address: maskIp(address, length), length };
          for (const type of ['A', 'AAAA'] as const) {
            const asked = { name: 'www.example', type, client: formatPrefix(prefix) };
            const told = explain(parts, asked);
            const wire = serving.askFor(`www.example ${type}`, prefix.address, length);
            const records = wire.answer.filter((text) => !text.includes(' CNAME '));
            const text = `${type} for ${asked.client}`;
            assert.equal(wire.scope, told.client.scopePrefix, `scope of ${text}`);
            assert.equal(records.length > 0, told.answer.length > 0, text);
            const possible = everyAddress(told.evaluation?.choice ?? { kind: 'empty' });
            for (const one of records) {
              const [, ttl, , rdata = ''] = one.split(' ');
              assert.ok(possible.includes(rdata), `${one} for ${text}`);
              assert.equal(Number(ttl), told.ttlSeconds, `TTL of ${text}`);
            }
            for (const vip of told.answer) assert.ok(possible.includes(vip.address));
            seen[records.length === 0 ? 'negative' : 'answered'] += 1;
            seen.scoped += Number(wire.scope > 0);
            seen.several += Number(records.length > 1);
          }
        }
      },
    ),
    { numRuns: 400 },
  );
  for (const [what, count] of Object.entries(seen)) assert.ok(count > 50, `${what}: ${count}`);
});

test('explain() reports the scope that a sticky policy demands', () => {
  const web = service(sticky(['ireland', 'tokyo']), { ireland: {}, tokyo: {} });
  const { parts } = stage(web);
  const scope = (of: string) =>
    explain(parts, { name: 'www.example', type: 'A', client: of }).client.scopePrefix;
  assert.equal(scope('203.0.113.7'), 24);
  assert.equal(scope('2001:db8::7'), 56);
  const byRule = service(
    geo([[{ cidr: ['203.0.113.0/28'] }, sticky(['ireland'])]], failover(['tokyo'])),
    { ireland: { a: ['192.0.2.1', '192.0.2.2'] }, tokyo: {} },
  );
  const ruled = stage(byRule);
  const of = (address: string) =>
    explain(ruled.parts, { name: 'www.example', type: 'A', client: address }).client.scopePrefix;
  assert.equal(of('203.0.113.7'), 28, 'the longer one');
  assert.equal(of('8.8.8.8'), 1, 'the policy is not sticky for this client');
});

test('explain() gives a sticky client the very answer of the data plane', () => {
  const web = service(sticky(['ireland', 'tokyo', 'oregon']), {
    ireland: { a: ['192.0.2.1'] },
    tokyo: { a: ['192.0.2.2'] },
    oregon: { a: ['192.0.2.3'] },
  });
  const { serving, parts } = stage(web);
  const all = new Set<string>();
  for (let octet = 0; octet < 40; octet += 1) {
    const text = `10.0.${octet}.9`;
    const told = explain(parts, { name: 'www.example', type: 'A', client: text });
    const expected = told.answer.map(({ address }) => address);
    assert.deepEqual(serving.addresses('www.example', text), expected);
    all.add(expected.join());
  }
  assert.equal(all.size, 3);
});

test('explain() takes an IPv4-mapped client for its IPv4 address, as sockets report peers', () => {
  const web = service(geo([[{ country: ['LK'] }, 'tokyo']], 'ireland'), { ireland: {}, tokyo: {} });
  const { parts } = stage(web);
  const of = (text: string) => explain(parts, { name: 'www.example', type: 'A', client: text });
  const mapped = of('::ffff:203.0.113.200');
  assert.deepEqual(mapped.client, of('203.0.113.200').client);
  assert.deepEqual([mapped.client.family, mapped.client.scopePrefix], [4, 25]);
  assert.deepEqual(
    mapped.answer.map(({ member }) => member),
    ['tokyo'],
  );
});

test('explain() refuses a client that is none', () => {
  const { parts } = stage(service('ireland', { ireland: {} }));
  const bad = [
    '',
    '1.2.3',
    '1.2.3.4/',
    '1.2.3.4/33',
    '1.2.3.4/0x8',
    '::/129',
    '1.2.3.4/-1',
    '::/0',
  ];
  for (const text of bad) {
    assert.throws(
      () => explain(parts, { name: 'www.example', type: 'A', client: text }),
      (error) => error instanceof MeridianError && error.code === 'E_EXPLAIN_QUESTION',
      text,
    );
  }
});

test('explain() says of a name without a service what it is, with no answer', () => {
  const { parts } = stage(service('ireland', { ireland: {} }));
  const told = explain(parts, { name: 'NS1.example', type: 'A', client: '192.0.2.9' });
  assert.deepEqual([told.note, told.answer, told.zone], ['static addresses', [], 'example.']);
  assert.equal(told.service, undefined);
  const outside = explain(parts, { name: 'example.org', type: 'A', client: '192.0.2.9' });
  assert.match(outside.note ?? '', /REFUSED/);
});

test('explain() speaks of the image that serves, not of a change under way', () => {
  const web = service(roundRobin(['ireland', 'tokyo']), { ireland: {}, tokyo: {} });
  const { serving, parts } = stage(web);
  const { configuration } = serving;
  const next = { ...configuration, revision: configuration.revision + 1 };
  const prepared = serving.images.prepare(next);
  const revision = () =>
    explain(parts, { name: 'www.example', type: 'A', client: '192.0.2.9' }).revision;
  assert.equal(revision(), configuration.revision);
  serving.take(prepared.accept());
  assert.equal(revision(), next.revision);
});
