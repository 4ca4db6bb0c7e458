import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { formatIp, parseIp } from '../../../src/base/ip.ts';
import { nameBytes } from '../../../src/wire/names.ts';
import { additionalNames, rdataCodec, rdataNames } from '../../../src/wire/rdata/registry.ts';
import { isRdataError, rrTypes, STEER } from '../../../src/wire/types.ts';
import { octets, wireName } from '../arbitrary.ts';
import { readFields } from './read-fields.ts';

const types = [...Object.entries(rrTypes), ['TYPE999', 999], ['STEER', STEER]] as const;

/** Octets that begin as rdata often does, so that structure is met and not only refused. */
const likelyRdata = fc
  .array(
    fc.oneof(
      wireName,
      octets(8),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.uint8Array({ maxLength: 30 }).map((text) => Uint8Array.from([text.length, ...text])),
      fc
        .tuple(fc.integer({ min: 0, max: 9 }), octets(4))
        .map(([key, value]) => Uint8Array.from([0, key, 0, value.length, ...value])),
    ),
    { maxLength: 5 },
  )
  .map((parts) => new Uint8Array(Buffer.concat(parts)));

for (const [type, number] of types) {
  describe(type, () => {
    const codec = rdataCodec(number);

    test('parse() gives back the octets that format() printed, unless they are malformed', () => {
      fc.assert(
        fc.property(fc.oneof(octets(), likelyRdata), (rdata) => {
          const problem = codec.validate(rdata);
          const text = codec.format(rdata);
          const again = codec.parse(readFields(text), '.');
          if (problem === undefined) assert.deepEqual(again, rdata, text);
          else assert.deepEqual(again, problem, text);
        }),
      );
    });

    test('parse() never throws, and what it takes is valid', () => {
      const word = fc.oneof(
        fc.constantFrom(
          '0',
          '1',
          '3',
          '255',
          '65536',
          '.',
          'a.',
          '@',
          '\\#',
          '4',
          'abcd',
          'N',
          'E',
        ),
        fc.constantFrom('192.0.2.1', '::1', 'alpn=h2', 'mandatory=alpn', 'port=1', 'key9', 'AQ=='),
        fc.string(),
        fc.string({ unit: 'binary' }),
      );
      fc.assert(
        fc.property(
          fc.array(fc.record({ text: word, quoted: fc.boolean() }), { maxLength: 8 }),
          (fields) => {
            const rdata = codec.parse(fields, 'example.com.');
            if (isRdataError(rdata)) return;
            assert.equal(codec.validate(rdata), undefined);
            assert.deepEqual(codec.parse(readFields(codec.format(rdata)), '.'), rdata);
          },
        ),
      );
    });

    test('rdataNames() finds whole names, in order, and never throws', () => {
      fc.assert(
        fc.property(fc.oneof(octets(), likelyRdata), (rdata) => {
          let last = 0;
          for (const { at, bytes } of rdataNames(number, rdata)) {
            assert(at >= last);
            assert.equal(nameBytes(rdata, at), bytes);
            last = at + bytes;
          }
          for (const name of additionalNames(number, rdata))
            assert.equal(nameBytes(name), name.length);
        }),
      );
    });
  });
}

test('AAAA is printed in the canonical form of RFC 5952', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (rdata) => {
      const text = rdataCodec(rrTypes.AAAA).format(rdata);
      const address = parseIp(text);
      assert(address !== undefined);
      assert.equal(text, formatIp(address));
    }),
  );
});
