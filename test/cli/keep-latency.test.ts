import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import { keepLatency, latencyFileName } from '../../src/cli/keep-latency.ts';
import type { Coordinates } from '../../src/geo/client.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { slowHalfLifeMs } from '../../src/latency/sketches.ts';
import { temporaryFolder } from '../e2e/support/processes.ts';

const berlin = { latitude: 52.5, longitude: 13.4 };
const osaka = { latitude: 34.7, longitude: 135.5 };

/** One life of a process on a data folder. */
function live(folder: string, clock: VirtualClock, places: Record<string, Coordinates>) {
  const warned: string[] = [];
  const regions = new Map(
    Object.entries(places).map(([name, coordinates]) => [name, { coordinates }]),
  );
  const table = new LatencyTable({
    clock,
    coordinatesOf: (region) => regions.get(region)?.coordinates,
  });
  let restored = 0;
  const end = keepLatency({
    ...{ folder, table, clock },
    log: { ...silentLog, warn: (_, message) => warned.push(message) },
    regions: () => regions,
    onRestored: () => {
      restored++;
    },
  });
  table.settle();
  const values = () =>
    table.published().map(({ key, region, ms, samples }) => ({ key, region, ms, samples }));
  return { table, warned, end, values, restored: () => restored };
}

function measure(table: LatencyTable, asn: number, region: string, ms: number): void {
  for (let n = 0; n < 40; n++) table.measure({ asn, region, ms: ms + (n % 5) }, `source ${n % 3}`);
}

test('what was measured is there again after a restart, older by the time between', (t) => {
  const folder = temporaryFolder(t);
  const clock = new VirtualClock();
  const first = live(folder, clock, { eu: berlin, ap: osaka });
  measure(first.table, 64500, 'eu', 30);
  measure(first.table, 64500, 'ap', 210);
  measure(first.table, 64501, 'eu', 50);
  first.table.settle();
  const before = first.values();
  assert.equal(before.length, 3);
  first.end();
  clock.advance(60_000);
  const second = live(folder, clock, { eu: berlin, ap: osaka });
  assert.equal(second.restored(), 1);
  assert.deepEqual(second.values(), before);
  second.end();
  clock.advance(3 * slowHalfLifeMs);
  const third = live(folder, clock, { eu: berlin, ap: osaka });
  const faded = third.values();
  assert.equal(faded.length, 0, 'an eighth of forty is too little to be published anew');
  measure(third.table, 64500, 'eu', 30);
  third.table.settle();
  assert.ok((third.values()[0]?.samples ?? 0) > 40, 'and yet it counts');
  third.end();
});

test('what was measured of a region that is gone or elsewhere is left out', (t) => {
  const folder = temporaryFolder(t);
  const clock = new VirtualClock();
  const first = live(folder, clock, { eu: berlin, ap: osaka, us: berlin });
  for (const region of ['eu', 'ap', 'us']) measure(first.table, 64500, region, 30);
  first.end();
  const second = live(folder, clock, { eu: berlin, ap: berlin });
  assert.deepEqual(
    second.values().map(({ region }) => region),
    ['eu'],
  );
  second.end();
});

test('it is saved every ten minutes, so that a crash loses no more', (t) => {
  const folder = temporaryFolder(t);
  const clock = new VirtualClock();
  const first = live(folder, clock, { eu: berlin });
  measure(first.table, 64500, 'eu', 30);
  clock.advance(limits.latencySaveMs);
  measure(first.table, 64501, 'eu', 30);
  // It is killed here.
  const second = live(folder, clock, { eu: berlin });
  assert.deepEqual(
    second.values().map(({ key }) => key),
    ['asn 64500'],
  );
  second.end();
});

test('a file that is damaged, cut or from a time to come is ignored, and replaced at the end', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, latencyFileName);
  const clock = new VirtualClock();
  const first = live(folder, clock, { eu: berlin });
  measure(first.table, 64500, 'eu', 30);
  first.end();
  const good = readFileSync(file);
  const damage: readonly (readonly [string, () => void])[] = [
    ['nonsense', () => writeFileSync(file, 'nonsense')],
    ['empty', () => writeFileSync(file, '')],
    ['cut', () => truncateSync(file, good.length - 1)],
  ];
  for (const [name, break_] of damage) {
    writeFileSync(file, good);
    break_();
    const next = live(folder, clock, { eu: berlin });
    assert.match(next.warned.join(), /meridian\.latency: it /, name);
    assert.deepEqual(next.values(), [], name);
    next.end();
    assert.deepEqual(live(folder, clock, { eu: berlin }).warned, [], name);
  }
  writeFileSync(file, good);
  const earlier = new VirtualClock(clock.epochMs() - 1000);
  assert.deepEqual(live(folder, earlier, { eu: berlin }).values(), []);
});
