import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { className, classNumber, typeName, typeNumber } from '../../src/wire/type-names.ts';
import { STEER } from '../../src/wire/types.ts';

test('typeNumber() knows mnemonics in any case', () => {
  assert.equal(typeNumber('A'), 1);
  assert.equal(typeNumber('aaaa'), 28);
  assert.equal(typeNumber('Https'), 65);
  assert.equal(typeNumber('NSAP-PTR'), 23);
  assert.equal(typeNumber('CDS'), 59);
  assert.equal(typeNumber('CDNSKEY'), 60);
});

test('typeNumber() gives STEER its number outside the wire', () => {
  assert.equal(typeNumber('steer'), STEER);
  assert.equal(typeName(STEER), 'STEER');
  assert.equal(typeNumber('TYPE65536'), undefined);
});

test('typeNumber() reads TYPEnnn (RFC 3597 §5)', () => {
  assert.equal(typeNumber('TYPE1'), 1);
  assert.equal(typeNumber('type65535'), 65535);
  assert.equal(typeNumber('TYPE0'), 0);
});

test('typeNumber() is undefined for what is no type', () => {
  const bad = [
    '',
    'TYPE',
    'TYPE-1',
    'TYPE1.5',
    'TYPE99999',
    'IN',
    'toString',
    'H\u0131NFO',
    '__proto__',
  ];
  for (const text of bad) assert.equal(typeNumber(text), undefined, text);
});

test('typeName() and className() are undone by typeNumber() and classNumber()', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65535 }), (number) => {
      assert.equal(typeNumber(typeName(number)), number);
      assert.equal(classNumber(className(number)), number);
    }),
  );
});

test('classNumber() knows IN, CH, NONE, ANY and CLASSnnn', () => {
  assert.equal(classNumber('in'), 1);
  assert.equal(classNumber('CH'), 3);
  assert.equal(classNumber('CLASS32'), 32);
  assert.equal(classNumber('A'), undefined);
  assert.equal(className(32), 'CLASS32');
});
