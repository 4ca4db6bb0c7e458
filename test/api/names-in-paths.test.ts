import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOwner, readRRsetAddress, readZoneName } from '../../src/api/names-in-paths.ts';
import { MeridianError } from '../../src/base/errors.ts';

const isQueryError = (error: unknown) => error instanceof MeridianError && error.code === 'E_QUERY';

/** Written, in zone example.com., meant. */
const owners: readonly (readonly [string, string])[] = [
  ['@', 'example.com.'],
  ['example.com', 'example.com.'],
  ['example.com.', 'example.com.'],
  ['www', 'www.example.com.'],
  ['WWW', 'www.example.com.'],
  ['a.b', 'a.b.example.com.'],
  ['www.example.com', 'www.example.com.'],
  ['www.Example.COM.', 'www.example.com.'],
  ['notexample.com', 'notexample.com.example.com.'],
  ['*', '*.example.com.'],
  ['0/25', '0/25.example.com.'],
  ['a\\.b', 'a\\.b.example.com.'],
  ['a\\.', 'a\\..example.com.'],
];

for (const [text, key] of owners) {
  test(`readOwner() takes ${JSON.stringify(text)} in example.com. for ${key}`, () => {
    assert.equal(readOwner(text, 'example.com.'), key);
  });
}

for (const text of ['www.example.org.', 'com.', '', 'a..b', `${'a'.repeat(64)}`]) {
  test(`readOwner() refuses ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(() => readOwner(text, 'example.com.'), isQueryError);
  });
}

test('readZoneName() takes names with and without final dot, in any case', () => {
  assert.equal(readZoneName('Example.COM'), 'example.com.');
  assert.equal(readZoneName('example.com.'), 'example.com.');
  assert.throws(() => readZoneName('a..b'), isQueryError);
});

test('readRRsetAddress() knows types by name and number', () => {
  const id = 'example.com./www.example.com./A';
  assert.equal(readRRsetAddress('example.com.', 'www', 'a').id, id);
  assert.equal(readRRsetAddress('example.com.', 'www', 'TYPE1').id, id);
  assert.equal(readRRsetAddress('example.com.', 'www', 'steer').typeName, 'STEER');
  assert.equal(readRRsetAddress('example.com.', 'www', 'TYPE65280').typeName, 'TYPE65280');
  assert.throws(() => readRRsetAddress('example.com.', 'www', 'AAA'), isQueryError);
});
