import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatPlan, formatShifts, type ShownChange } from '../../src/cli/apply-plan.ts';
import { amount, clean, formatTable, percent, styleOf } from '../../src/cli/style.ts';

const plain = styleOf({ out() {}, err() {} });
const plan = (changes: readonly ShownChange[], changeCount = changes.length) =>
  formatPlan({ revision: 7, changeCount, changes, traffic: [] }, plain);
const rrset = (type: string, before: unknown, after: unknown): ShownChange => ({
  kind: 'rrset',
  id: `example.com./www.example.com./${type}`,
  before,
  after,
});

test('formatPlan shows only the values of an RRset that come and go', () => {
  const text = plan([
    rrset(
      'A',
      { ttl: 30, values: ['192.0.2.1', '192.0.2.2'] },
      { ttl: 30, values: ['192.0.2.2', '192.0.2.3'] },
    ),
  ]);
  assert.match(text, /- {2}www\.example\.com\. {2}30 {2}A {2}192\.0\.2\.1\n/);
  assert.match(text, /\+ {2}www\.example\.com\. {2}30 {2}A {2}192\.0\.2\.3\n/);
  assert.doesNotMatch(text, /192\.0\.2\.2/);
});

test('formatPlan shows a TTL, an order and an SOA serial that alone differ', () => {
  const values = ['192.0.2.1', '192.0.2.2'];
  assert.match(plan([rrset('A', { ttl: 30, values }, { ttl: 60, values })]), /~ .* 30 → 60 {2}A/);
  const turned = [...values].reverse();
  const order = plan([rrset('A', { ttl: 30, values }, { ttl: 30, values: turned })]);
  assert.match(order, /~ .* in the order 192\.0\.2\.2, 192\.0\.2\.1/);
  const soa = (serial: number) => ({ ttl: 30, values: [`ns. host. ${serial} 1 2 3 4`] });
  assert.match(plan([rrset('SOA', soa(4), soa(5))]), /SOA {2}serial 4 → 5\n/);
});

test('formatPlan marks zones and objects that come, go and change', () => {
  const text = plan([
    { kind: 'zone', id: 'a.example.', before: null, after: {} },
    { kind: 'zone', id: 'b.example.', before: {}, after: null },
    { kind: 'region', id: 'gone', before: { dial: 1 }, after: null },
    { kind: 'region', id: 'eu', before: { dial: 50, place: 'x' }, after: { place: 'x' } },
  ]);
  assert.match(text, /^ {2}\+ zone a\.example\.$/m);
  assert.match(text, /^ {2}- zone b\.example\.$/m);
  assert.match(text, /^ {2}- region gone$/m);
  assert.match(text, /^ {2}~ region eu\n {6}dial: 50 → \(default\)$/m);
});

test('formatPlan counts what is not shown', () => {
  assert.match(
    plan([rrset('A', null, { ttl: 1, values: ['192.0.2.1'] })], 5001),
    /and 5,000 more changes/,
  );
  const many = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`key${index}`, index]));
  const text = plan([{ kind: 'service', id: 'web', before: {}, after: many }]);
  assert.match(text, /^ {6}… and 28 more$/m);
});

test('formatPlan lets nothing through that a terminal would act on', () => {
  const value = '"\u001b]0;x\u0007"';
  assert.doesNotMatch(plan([rrset('TXT', null, { ttl: 1, values: [value] })]), /[\u001b\u0007]/);
});

test('formatShifts hides what rounds to nothing, and says so', () => {
  const shift = (after: number) => ({ service: 'web', member: 'eu', before: 0.5, after });
  const text = formatShifts([shift(0.6), shift(0.5001)], plain);
  assert.match(text, /^ {2}web {2}eu {2}50\.0 % {2}→ {2}60\.0 % {2}\+10\.0\n {2}1 member by less/m);
  assert.equal(formatShifts([], plain), 'Answers do not move between members.\n\n');
});

test('percent never shows a little as none', () => {
  assert.equal(percent(0), '0.0 %');
  assert.equal(percent(0.0001), '<0.1 %');
  assert.equal(percent(1), '100.0 %');
});

test('amount groups thousands and keeps one decimal of small numbers', () => {
  assert.deepEqual([12_000, 33.94, 120.4, 0].map(amount), ['12,000', '33.9', '120', '0']);
});

test('clean replaces controls and direction marks, and nothing else', () => {
  assert.equal(clean('a\u001b[2Jb\nc\u202ed'), 'a\ufffd[2Jb\ufffdc\ufffdd');
  assert.equal(clean('Zürich → 東京'), 'Zürich → 東京');
});

test('formatTable aligns painted cells by what is seen of them', () => {
  const style = styleOf({ out() {}, err() {}, colours: true });
  const rows = [
    [style.red('abc'), '1'],
    ['a', '22'],
  ];
  assert.equal(
    formatTable(rows, { right: [1] }).replace(/\u001b\[\d+m/g, ''),
    '  abc   1\n  a    22\n',
  );
});
