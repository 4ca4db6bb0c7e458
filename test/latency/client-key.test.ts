import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CanonicalKeys, formatClientKey, readClientKey } from '../../src/latency/client-key.ts';

const cases: [Parameters<typeof readClientKey>[0], string | undefined][] = [
  [{ prefix: '203.0.113.0/24' }, 'prefix 203.0.113.0/24'],
  [{ prefix: '203.0.112.0/20' }, 'prefix 203.0.112.0/20'],
  [{ prefix: '203.0.113.7' }, 'prefix 203.0.113.0/24'],
  [{ prefix: '203.0.113.7/32' }, 'prefix 203.0.113.0/24'],
  [{ prefix: '2001:db8:0:1234::1' }, 'prefix 2001:db8:0:1200::/56'],
  [{ prefix: '2001:db8::/32' }, 'prefix 2001:db8::/32'],
  [{ prefix: '203.0.113.7/24' }, undefined],
  [{ prefix: '203.0.113.0/33' }, undefined],
  [{ prefix: 'here' }, undefined],
  [{ asn: 64500 }, 'asn 64500'],
  [{ asn: 0 }, undefined],
  [{ asn: 1.5 }, undefined],
  [{ asn: 4_294_967_296 }, undefined],
  [{ country: 'in' }, 'country IN'],
  [{ country: 'India' }, undefined],
  [{}, undefined],
  [{ asn: 64500, country: 'IN' }, undefined],
  [{ clients: '203.0.113.7' }, 'prefix 203.0.113.0/24'],
  [{ clients: '2001:db8::/32' }, 'prefix 2001:db8::/32'],
  [{ clients: 'AS64500' }, 'asn 64500'],
  [{ clients: 'as4294967296' }, undefined],
  [{ clients: 'in' }, 'country IN'],
  [{ clients: '' }, undefined],
  [{ clients: 'IN', country: 'IN' }, undefined],
];
for (const [given, expected] of cases) {
  test(`readClientKey(${JSON.stringify(given)}) is ${expected}`, () => {
    const key = readClientKey(given);
    assert.equal(key === undefined ? undefined : formatClientKey(key), expected);
    const keys = new CanonicalKeys();
    for (let time = 0; time < 2; time += 1) assert.equal(keys.of(given), expected);
  });
}
