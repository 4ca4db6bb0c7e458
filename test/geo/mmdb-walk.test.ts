import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { formatIp, formatPrefix, type IpAddress, maskIp } from '../../src/base/ip.ts';
import { parseMmdb } from '../../src/geo/mmdb-file.ts';
import { walkTree } from '../../src/geo/mmdb-walk.ts';
import { lookUpRange } from '../../src/geo/ranges.ts';
import { writeMmdb } from './mmdb-writer.ts';
import { toAddress } from './naive.ts';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const address4 = word.map((w): IpAddress => ({ family: 4, words: [w, 0, 0, 0] }));
// Not among the IPv4 addresses at ::/96.
const address6 = fc
  .tuple(word, word, word, word)
  .map(([a, b, c, d]): IpAddress => ({ family: 6, words: [(a | 0x2000_0000) >>> 0, b, c, d] }));
const network = fc
  .tuple(fc.oneof(address4, address6), fc.nat())
  .map(([address, n]) => ({ address, length: address.family === 4 ? 1 + (n % 32) : 3 + (n % 126) }))
  .map(({ address, length }) => ({ address: maskIp(address, length), length }));

test('walkTree() finds at every address what mmdb-lib finds', () => {
  fc.assert(
    fc.property(
      fc.array(network, { minLength: 1, maxLength: 12 }),
      fc.constantFrom(24, 28, 32),
      fc.array(fc.oneof(address4, address6), { maxLength: 10 }),
      (networks, recordSize, others) => {
        const bytes = writeMmdb({
          databaseType: 'Test',
          recordSize: recordSize as 24,
          networks: networks.map((prefix, index) => [formatPrefix(prefix), { index }]),
        });
        const file = parseMmdb(bytes, 'test.mmdb');
        const tree = walkTree(file);
        const asked = networks.flatMap(({ address, length }) => {
          const start = BigInt(address.words[0]);
          const end = start + (1n << BigInt(Math.max(0, 32 - length)));
          return address.family === 4
            ? [address, toAddress(4, end), toAddress(4, end - 1n), toAddress(4, start - 1n)]
            : [address];
        });
        for (const address of [...asked, ...others]) {
          const ranges = address.family === 4 ? tree.ranges4 : tree.ranges6;
          const { value } = lookUpRange(ranges, address.words);
          const example = tree.examples[value];
          const found = value === 0 || !example ? null : file.reader.get(formatIp(example));
          assert.deepEqual(found, file.reader.get(formatIp(address)), formatIp(address));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('walkTree() leaves aliases of the IPv4 nodes out of the IPv6 ranges', () => {
  const networks: [string, { country_code: string }][] = [
    ['192.0.2.0/24', { country_code: 'DE' }],
    ['2a00::/16', { country_code: 'FR' }],
  ];
  const plain = walkTree(parseMmdb(writeMmdb({ databaseType: 'Test', networks }), 'plain'));
  const aliased = walkTree(
    parseMmdb(writeMmdb({ databaseType: 'Test', networks, aliases: true }), 'aliased'),
  );
  assert.deepEqual(aliased.ranges6.starts, plain.ranges6.starts);
  assert.deepEqual(aliased.ranges4, plain.ranges4);
  assert.equal(aliased.networks6, 1);
  assert.equal(aliased.networks4, 1);
});

test('walkTree() reads IPv4 data from a leaf that is wider than ::/96', () => {
  const bytes = writeMmdb({ databaseType: 'Test', networks: [['::/8', { country_code: 'DE' }]] });
  const tree = walkTree(parseMmdb(bytes, 'test'));
  assert.equal(tree.ranges4.count, 1);
  assert.equal(tree.ranges4.values[0], 1);
});

test('walkTree() of an IPv4-only database knows no IPv6 address', () => {
  const bytes = writeMmdb({
    databaseType: 'Test',
    ipVersion: 4,
    networks: [['32.0.0.0/3', { country_code: 'DE' }]],
  });
  const tree = walkTree(parseMmdb(bytes, 'test'));
  // mmdb-lib itself would read 2001:db8:: as 32.1.13.184.
  assert.equal(tree.ranges6.count, 1);
  assert.equal(tree.ranges6.values[0], 0);
  assert.equal(tree.networks4, 1);
});

test('walkTree() refuses a tree whose nodes form a loop', () => {
  const bytes = writeMmdb({
    databaseType: 'Test',
    recordSize: 32,
    networks: [['128.0.0.0/1', { country_code: 'DE' }]],
  });
  // The last node's left record points to the root's right child and back.
  const { nodeCount } = parseMmdb(bytes, 'test').metadata;
  bytes.writeUInt32BE(1, (nodeCount - 1) * 8);
  assert.throws(
    () => walkTree(parseMmdb(bytes, 'loop.mmdb')),
    (error) => error instanceof MeridianError && error.code === 'E_GEO_DAMAGED',
  );
});

test('walkTree() refuses a record that points behind the file', () => {
  const bytes = writeMmdb({
    databaseType: 'Test',
    recordSize: 32,
    networks: [['128.0.0.0/1', { country_code: 'DE' }]],
  });
  bytes.writeUInt32BE(0x7fff_ffff, 4);
  assert.throws(() => walkTree(parseMmdb(bytes, 'far.mmdb')), /points outside of the data/);
});
