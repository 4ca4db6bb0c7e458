import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyTable, nearestPolicy, score } from '../../bench/latency/choose.ts';
import { formatMatrix, parseMatrix } from '../../bench/latency/rtt-matrix.ts';

const head = 'client,country,latitude,longitude,aws:us-east-1,aws:eu-west-1';

test('parseMatrix() reads the example of docs/latency.md, and what formatMatrix() writes', () => {
  const matrix = parseMatrix(
    `\ufeff${head}\r\nDublin,IE,53.33,-6.25,78.2,4.1\r\n\r\nLyon,FR,,,92.0,\r\n`,
  );
  assert.deepEqual(
    matrix.rows.map(({ client, ms }) => [client, ...ms]),
    [
      ['Dublin', 78.2, 4.1],
      ['Lyon', 92, Number.NaN],
    ],
  );
  assert.ok(Math.abs((matrix.rows[1]?.coordinates.latitude ?? 0) - 45.7) < 0.2);
  assert.deepEqual(parseMatrix(formatMatrix(matrix)), matrix);
});

const cases: readonly (readonly [string, RegExp])[] = [
  ['', /^line 1: the first columns/],
  ['client,country,latitude,longitude,aws:us-east-1', /^line 1: there are not two regions/],
  [`${head},aws:us-east-1`, /^line 1: there are not two regions or more, each once/],
  [`${head},mars`, /^line 1: "mars" is no place/],
  [`${head}\n\n\nDublin,IE,53,-6,1`, /^line 4: not 2 times, but 1/],
  [`${head}\nDublin,IE,53,-6,1,fast`, /^line 2: "fast" is no time/],
  [`${head}\nDublin,IE,53,-6,1,-3`, /^line 2: "-3" is no time/],
  [`${head}\nDublin,Ireland,53,-6,1,3`, /^line 2: "Ireland" is no country/],
  [`${head}\nDublin,IE,north,-6,1,3`, /^line 2: "north","-6" is no place/],
  [`${head}\nDublin,IE,53,,1,3`, /^line 2: "53","" is no place/],
  [`${head}\nNowhereville,IE,,,1,3`, /^line 2: nobody knows where "Nowhereville", IE is/],
];
for (const [text, pattern] of cases) {
  test(`parseMatrix() refuses with ${pattern}`, () => {
    assert.throws(
      () => parseMatrix(text),
      ({ message }: Error) => pattern.test(message),
    );
  });
}

test('score() says nothing of clients who were sent where the matrix knows no time', () => {
  const matrix = parseMatrix(`${head}\nDublin,IE,53.33,-6.25,78.2,4.1\nLyon,FR,,,92.0,\n`);
  const of = (...indexes: number[]) =>
    score(matrix, indexes, nearestPolicy(matrix), emptyTable(matrix));
  assert.deepEqual(of(0, 1), { unknown: 0.5, fastest: 1, meanRegretMs: 0, p95RegretMs: 0 });
  assert.equal(of(1).unknown, 1);
  assert.ok(Number.isNaN(of(1).meanRegretMs));
});
