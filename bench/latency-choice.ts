/**
 * How well policies send clients, on a matrix of round-trip times: the share of client cities that are
 * sent to their truly fastest region, and how much slower than that the others are.
 * Run: node bench/latency-choice.ts [--matrix FILE] [--seed 1] [--cities 2000] [--write FILE]
 *
 * Without --matrix, the matrix is made up (bench/latency/synthetic-matrix.ts) and so are its results.
 * docs/latency.md has the format of the file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Random } from '../src/base/random.ts';
import {
  emptyTable,
  geoPolicy,
  latencyPolicy,
  measureCells,
  nearestPolicy,
  placeAgents,
  type Score,
  score,
} from './latency/choose.ts';
import { formatMatrix, parseMatrix, type RttMatrix } from './latency/rtt-matrix.ts';
import { synthesizeMatrix } from './latency/synthetic-matrix.ts';

const { values } = parseArgs({
  options: {
    matrix: { type: 'string' },
    seed: { type: 'string', default: '1' },
    cities: { type: 'string', default: '2000' },
    write: { type: 'string' },
  },
});

/** Three cities of ten are never measured themselves. */
const heldOutShare = 0.3;
const agentPlaces = 30;
const shares = [0.1, 0.5, 1];
const seed = Number(values.seed);

function main(): void {
  const matrix =
    values.matrix === undefined
      ? synthesizeMatrix(seed, Number(values.cities))
      : readMatrix(values.matrix);
  if (values.write !== undefined) writeFileSync(values.write, formatMatrix(matrix));
  const random = new Random(seed);
  const held: number[] = [];
  const others: number[] = [];
  for (const index of matrix.rows.keys()) {
    (random.fraction() < heldOutShare ? held : others).push(index);
  }
  if (held.length === 0 || others.length === 0) {
    fail(`${matrix.rows.length} cities are too few to measure some and hold others out`);
  }
  const agents = others.filter((_, at) => at % Math.ceil(others.length / agentPlaces) === 0);
  const origin = values.matrix ?? `MADE UP, seed ${seed}`;
  print(`Matrix: ${origin}; ${matrix.rows.length} cities, ${matrix.regions.length} regions\n`);

  print(`\nCities whose own cells are measured (${held.length}), by prefix`);
  header();
  compare(matrix, held, (table, share) =>
    measureCells(table, matrix, held, { share, byCountry: false, seed }),
  );

  print(`\nThe same cities held out: other cities' cells are measured, by country as well`);
  header();
  compare(matrix, held, (table, share) => {
    measureCells(table, matrix, others, { share, byCountry: true, seed });
  });
  for (const share of [0, ...shares]) {
    const table = emptyTable(matrix);
    placeAgents(table, matrix, agents, seed);
    if (share > 0) measureCells(table, matrix, others, { share, byCountry: true, seed });
    both(`latency, ${agents.length} agents, ${percent(share)} measured`, matrix, held, table);
  }
}

function readMatrix(file: string): RttMatrix {
  try {
    return parseMatrix(readFileSync(file, 'utf8'));
  } catch (error) {
    return fail(`${file}: ${(error as Error).message}`);
  }
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

function compare(
  matrix: RttMatrix,
  tested: readonly number[],
  measure: (table: ReturnType<typeof emptyTable>, share: number) => void,
): void {
  const nothing = emptyTable(matrix);
  line('geo, a rule for each country', score(matrix, tested, geoPolicy(matrix), nothing));
  line('nearest', score(matrix, tested, nearestPolicy(matrix), nothing));
  for (const share of shares) {
    const table = emptyTable(matrix);
    measure(table, share);
    both(`latency, ${percent(share)} of cells measured`, matrix, tested, table);
  }
}

function both(
  name: string,
  matrix: RttMatrix,
  tested: readonly number[],
  table: ReturnType<typeof emptyTable>,
): void {
  const shared = score(matrix, tested, latencyPolicy(matrix, true), table);
  line(name, score(matrix, tested, latencyPolicy(matrix, false), table), shared);
}

function header(): void {
  print(
    `${''.padEnd(42)}${'fastest'.padStart(9)}${'regret'.padStart(10)}${'p95'.padStart(10)}` +
      `${'(default tolerance)'.padStart(22)}`,
  );
}

function line(name: string, alone: Score, shared?: Score): void {
  const cells = [percent(alone.fastest).padStart(9), ms(alone.meanRegretMs), ms(alone.p95RegretMs)];
  if (shared !== undefined) {
    cells.push(percent(shared.fastest).padStart(11), ms(shared.meanRegretMs));
  }
  const unknown =
    alone.unknown > 0.0005 ? `   ${percent(alone.unknown)} sent where no time is known` : '';
  print(`${name.padEnd(42)}${cells.join('')}${unknown}`);
}

/** Of nobody nothing can be said. */
const orDash = (value: number, digits: number, unit: string) =>
  Number.isNaN(value) ? '–' : `${value.toFixed(digits)} ${unit}`;
const percent = (share: number) => orDash(100 * share, 0, '%');
const ms = (value: number) => orDash(value, 1, 'ms').padStart(10);
const print = (text: string) => process.stdout.write(`${text}\n`);

main();
