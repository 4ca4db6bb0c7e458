import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cell, intervalMs, SeriesStore } from '../../src/latency/series-store.ts';
import { slowHalfLifeMs } from '../../src/latency/sketches.ts';

const cellOf = (key: string): Cell => ({ key, region: 'mumbai', series: [], dirty: false });

function make(capacity = 100) {
  const gone: string[] = [];
  const store = new SeriesStore((cell) => gone.push(cell.key), capacity);
  return { store, gone };
}

const isNear = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) <= expected * 0.04, `${actual} is not about ${expected}`);

test('SeriesStore.consensus() counts measurements, halved by six hours', () => {
  const { store } = make();
  const cell = cellOf('a');
  store.add(cell, 'rum', 60, 500, 0);
  store.add(cell, 'rum', 60, 1_000_000, 0);
  assert.equal(store.consensus(cell, 0).samples, 1500, 'a thousand at most at once');
  assert.equal(store.consensus(cell, slowHalfLifeMs).samples, 750);
  isNear(store.consensus(cell, slowHalfLifeMs).ms, 60);
});

test('SeriesStore does not let one large report outvote many small ones', () => {
  const { store } = make();
  const cell = cellOf('a');
  for (let index = 0; index < 20; index++) store.add(cell, 'rum', 50, 1, 0);
  store.add(cell, 'rum', 400, 1_000_000, 0);
  isNear(store.consensus(cell, 0).ms, 50);
});

test('SeriesStore does not let a burst of one interval outvote an hour', () => {
  const { store } = make();
  const cell = cellOf('a');
  for (let index = 0; index < 360; index++) store.add(cell, 'rum', 50, 1, index * intervalMs);
  const now = 360 * intervalMs;
  for (let index = 0; index < 200; index++) store.add(cell, 'rum', 400, 1, now);
  // 200 samples against the 100 to which an hour has faded: undamped, the burst would win.
  isNear(store.consensus(cell, now).ms, 50);
});

test('SeriesStore.consensus() of three sources is what two of them say, however much the third sends', () => {
  const { store } = make();
  const cell = cellOf('a');
  for (let minute = 0; minute < 60; minute++) {
    const now = minute * 60_000;
    store.add(cell, 'a', 50, 1, now);
    store.add(cell, 'b', 52, 1, now);
    for (let index = 0; index < 100; index++) store.add(cell, 'liar', 2, 1000, now);
  }
  const { ms } = store.consensus(cell, 3_600_000);
  assert.ok(ms > 48, `${ms}`);
});

test('SeriesStore forgets what age has left nothing of', () => {
  const { gone, store } = make();
  const cell = cellOf('a');
  store.add(cell, 'rum', 60, 1, 0);
  store.consensus(cell, slowHalfLifeMs);
  assert.deepEqual(gone, []);
  store.consensus(cell, slowHalfLifeMs + intervalMs);
  assert.deepEqual(gone, ['a']);
  assert.equal(cell.series.length, 0);
});

test('SeriesStore keeps as many series as fit, and those measured again and again in a flood of others', () => {
  const { gone, store } = make(100);
  const good = Array.from({ length: 50 }, (_, index) => cellOf(`good ${index}`));
  for (let round = 0; round < 5; round++) {
    for (const cell of good) store.add(cell, 'rum', 60, 1, round * 60_000);
  }
  for (let index = 0; index < 10_000; index++) {
    // Large counts and many samples of one moment do not help.
    const cell = cellOf(`flood ${index}`);
    for (let time = 0; time < 3; time++) store.add(cell, 'rum', 60, 1000, 300_000);
  }
  assert.equal(gone.length, 10_000 + 50 - 100);
  assert.deepEqual(
    gone.filter((key) => key.startsWith('good')),
    [],
  );
});

test('SeriesStore lets those give way that were measured long ago', () => {
  const { gone, store } = make(100);
  const old = Array.from({ length: 80 }, (_, index) => cellOf(`old ${index}`));
  for (const cell of old) store.add(cell, 'rum', 60, 1, 0);
  for (let index = 0; index < 400; index++) store.add(cellOf('new'), 'rum', 60, 1, slowHalfLifeMs);
  assert.ok(gone.filter((key) => key.startsWith('old')).length > 70, 'most of the old are gone');
});

test('SeriesStore lets a source that fills the store give way to one with few series', () => {
  const { gone, store } = make(100);
  const add = (key: string, source: string, times: number) => {
    const cell = cellOf(key);
    for (let time = 0; time < times; time++) store.add(cell, source, 60, 1, time * intervalMs);
  };
  for (let index = 0; index < 100; index++) add(`much ${index}`, 'greedy', 2);
  for (let index = 0; index < 30; index++) add(`few ${index}`, 'modest', 2);
  assert.equal(gone.filter((key) => key.startsWith('few')).length, 0, 'of as many intervals each');
});
