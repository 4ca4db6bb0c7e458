import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader } from 'mmdb-lib';
import { writeMmdb } from './mmdb-writer.ts';

for (const recordSize of [24, 28, 32] as const) {
  test(`writeMmdb() with ${recordSize}-bit records is read back by mmdb-lib`, () => {
    const long = 'x'.repeat(300);
    const bytes = writeMmdb({
      databaseType: 'Test',
      recordSize,
      networks: [
        ['192.0.2.0/24', { country_code: 'DE', latitude: -12.5, list: [1, true, 'a'] }],
        ['192.0.2.128/25', { country_code: 'FR', text: long }],
        ['2001:db8::/32', { country_code: 'IN', big: 2n ** 63n }],
      ],
    });
    const reader = new Reader<never>(bytes);
    assert.equal(reader.metadata.recordSize, recordSize);
    assert.deepEqual(reader.get('192.0.2.1'), {
      country_code: 'DE',
      latitude: -12.5,
      list: [1, true, 'a'],
    });
    assert.deepEqual(reader.get('192.0.2.200'), { country_code: 'FR', text: long });
    assert.deepEqual(reader.get('2001:db8:1::1'), { country_code: 'IN', big: 2n ** 63n });
    assert.equal(reader.get('192.0.3.1'), null);
    assert.equal(reader.get('2001:db9::1'), null);
  });
}

test('writeMmdb() with aliases leads to the IPv4 nodes by other ways, as MaxMind does', () => {
  const bytes = writeMmdb({
    databaseType: 'Test',
    aliases: true,
    networks: [['192.0.2.0/24', { country_code: 'DE' }]],
  });
  const reader = new Reader<never>(bytes);
  assert.deepEqual(reader.get('::ffff:192.0.2.1'), { country_code: 'DE' });
  assert.deepEqual(reader.get('2002:c000:201::1'), { country_code: 'DE' });
  assert.deepEqual(reader.get('2001:0:c000:201::1'), { country_code: 'DE' });
});
