import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readZoneText } from '../../src/zone/read-zone.ts';
import { compareSerials, nextSerial, soaFields, soaOf, withSerial } from '../../src/zone/serial.ts';
import type { Zone } from '../../src/zone/zone.ts';

const serials = fc.nat(0xffff_ffff);

function example(): Zone {
  const text =
    '@ 9 SOA NS.example.net. a\\.b.example.net. 4294967295 7200 15m 2w 300\n@ 9 NS ns.example.net.';
  const { zone } = readZoneText(text, { origin: 'example.com', file: 'x' });
  assert.ok(zone);
  return zone;
}

test('compareSerials() follows RFC 1982 §3.2 around the wrap', () => {
  assert.equal(compareSerials(1, 2), -1);
  assert.equal(compareSerials(2, 1), 1);
  assert.equal(compareSerials(7, 7), 0);
  assert.equal(compareSerials(0xffff_ffff, 0), -1);
  assert.equal(compareSerials(0, 0x7fff_ffff), -1);
  assert.equal(compareSerials(0, 0x8000_0000), undefined);
  assert.equal(compareSerials(0x8000_0001, 0), -1);
});

test('compareSerials() takes what is up to 2^31-1 ahead for newer, and is antisymmetric', () => {
  fc.assert(
    fc.property(serials, fc.integer({ min: 1, max: 0x7fff_ffff }), (serial, ahead) => {
      const newer = (serial + ahead) >>> 0;
      assert.equal(compareSerials(newer, serial), 1);
      assert.equal(compareSerials(serial, newer), -1);
    }),
  );
});

test('nextSerial() is always newer and never 0', () => {
  assert.equal(nextSerial(2026010199), 2026010200);
  assert.equal(nextSerial(0xffff_ffff), 1);
  fc.assert(
    fc.property(serials, (serial) => {
      const next = nextSerial(serial);
      assert.equal(compareSerials(next, serial), 1);
      assert.notEqual(next, 0);
    }),
  );
});

test('soaFields() takes an SOA apart', () => {
  const soa = soaOf(example());
  assert.ok(soa);
  assert.deepEqual(soaFields(soa), {
    mname: 'NS.example.net.',
    rname: 'a\\.b.example.net.',
    serial: 0xffff_ffff,
    refresh: 7200,
    retry: 900,
    expire: 1_209_600,
    minimum: 300,
  });
});

test('withSerial() changes the serial in the next version only', () => {
  const zone = example();
  const next = withSerial(zone, 5);
  const [before, after] = [soaOf(zone), soaOf(next)];
  assert.ok(before && after);
  assert.deepEqual(soaFields(after), { ...soaFields(before), serial: 5 });
  assert.equal(soaFields(before).serial, 0xffff_ffff);
  assert.equal(withSerial(next, 5), next);
});
