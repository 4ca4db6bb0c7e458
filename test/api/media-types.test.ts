import assert from 'node:assert/strict';
import { test } from 'node:test';
import { essence, preferredType } from '../../src/api/media-types.ts';

const both = ['application/json', 'text/dns'];

/** Accept header, offered, chosen. */
const cases: readonly (readonly [string | undefined, string | undefined])[] = [
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['text/dns', 'text/dns'],
  ['TEXT/DNS', 'text/dns'],
  ['text/*', 'text/dns'],
  ['text/dns;q=0.5, application/json', 'application/json'],
  ['text/dns;q=0.5, application/json;q=0.4', 'text/dns'],
  ['application/json;q=0, */*', 'text/dns'],
  ['text/html, application/xhtml+xml, */*;q=0.1', 'application/json'],
  ['image/png', undefined],
  ['text/dns;q=0', undefined],
  ['text/dns;q=nonsense', undefined],
  [',,;', undefined],
];

for (const [accept, chosen] of cases) {
  test(`preferredType() gives ${chosen} to ${JSON.stringify(accept)}`, () => {
    assert.equal(preferredType(accept, both), chosen);
  });
}

test('essence() drops parameters and case', () => {
  assert.equal(essence('Text/DNS; charset=us-ascii'), 'text/dns');
  assert.equal(essence(undefined), '');
});
