/*
 * Who is remembered, when more is measured than fits:
 *
 *   new series ─> [ newcomers, one fifth, in a ring ] ── pushed out by later ones ──> judged
 *                                                                                       │
 *      [ residents, four fifths ] <── there is room, or it was seen in more intervals ──┤
 *                                     than one of eight residents drawn                 │
 *                                                                    dropped <── else ──┘
 *
 * A flood of new keys pushes out newcomers, and of the residents only those that are hardly measured
 * any more. What counts is in how many ten-second intervals a series was measured, older ones less:
 * many samples at once, or a large `count`, weigh as one. A source with more series than its equal
 * part of the store weighs less by as much.
 */
import { limits } from '../base/limits.ts';
import { Random } from '../base/random.ts';
import { middleOf } from './middle.ts';
import { Sketches, slowHalfLifeMs } from './sketches.ts';

/** Time is counted in such intervals, milliseconds. */
export const intervalMs = 10_000;

/** What a series takes whole within one interval; beyond it, ever less. */
export const intervalWeight = 32;

/** One report stands for at most this many measurements. */
export const countPerSample = 1000;

/** Sources of one key and region that are told apart; further ones count as one. */
const sourcesPerCell = 16;

/** A series with fewer measurements left is forgotten. */
const forgetSamples = 0.5;

/** Residents that a newcomer is compared with. */
const drawn = 8;

/** All that is measured of one key and region. */
export interface Cell {
  readonly key: string;
  readonly region: string;
  /** One for each source. */
  readonly series: Series[];
  /** Whether it waits to be looked at. */
  dirty: boolean;
}

/** What one source measured of one key and region. */
interface Series {
  readonly cell: Cell;
  readonly source: string;
  readonly slot: number;
  /** The interval up to which it has aged. */
  interval: number;
  /** Weight that came in within `seen`, the last interval with a measurement. */
  seen: number;
  seenWeight: number;
  /** Measurements, decayed by age. */
  samples: number;
  /** Intervals with a measurement, decayed by age. */
  presence: number;
  lastMs: number;
  /** Place among the residents; -1 for a newcomer, -2 when it is gone. */
  resident: number;
}

/** A series as it is kept over a restart. */
export interface SavedSeries {
  readonly key: string;
  readonly region: string;
  readonly source: string;
  readonly samples: number;
  readonly presence: number;
  /** Since its last measurement, milliseconds. */
  readonly ageMs: number;
  /** `Sketches.filled`. */
  readonly filled: readonly number[];
}

/** What all sources of a cell say together. */
export interface Consensus {
  readonly ms: number;
  readonly samples: number;
  /** When it was last measured, on the same clock as what was added. */
  readonly lastMs: number;
}

/** Keeps series of measurements within a fixed memory. */
export class SeriesStore {
  readonly #sketches = new Sketches();
  readonly #ring: (Series | undefined)[];
  readonly #residents: Series[] = [];
  readonly #maxResidents: number;
  readonly #random = new Random(7);
  readonly #held = new Map<string, number>();
  readonly #freeSlots: number[] = [];
  readonly #emptied: (cell: Cell) => void;
  #slots = 0;
  #head = 0;

  /** `emptied` is told of cells that have lost their last series. */
  constructor(emptied: (cell: Cell) => void, capacity: number = limits.latencySeries) {
    const newcomers = Math.max(1, Math.floor(capacity / 5));
    this.#ring = new Array<Series | undefined>(newcomers).fill(undefined);
    this.#maxResidents = capacity - newcomers;
    this.#emptied = emptied;
  }

  /** Takes a round-trip time that stands for `count` measurements. */
  add(cell: Cell, source: string, ms: number, count: number, nowMs: number): void {
    const interval = Math.floor(nowMs / intervalMs);
    const series = find(cell.series, source) ?? this.#admit(cell, source, interval);
    this.#age(series, interval);
    if (series.seen !== interval) {
      series.seen = interval;
      series.seenWeight = 0;
      series.presence += 1;
    }
    const stands = Math.min(count, countPerSample);
    const weight = 1 + Math.log2(stands);
    const damped = series.seenWeight > intervalWeight ? intervalWeight / series.seenWeight : 1;
    series.seenWeight += weight;
    series.samples += stands;
    series.lastMs = nowMs;
    this.#sketches.add(series.slot, ms, weight * damped);
  }

  /** Forgets what age has left nothing of, and says what the rest amounts to. */
  consensus(cell: Cell, nowMs: number): Consensus {
    const interval = Math.floor(nowMs / intervalMs);
    for (let at = cell.series.length - 1; at >= 0; at -= 1) {
      const series = cell.series[at]!;
      this.#age(series, interval);
      if (series.samples < forgetSamples) this.#drop(series);
    }
    let samples = 0;
    let lastMs = 0;
    const said: { value: number; weight: number }[] = [];
    for (const series of cell.series) {
      samples += series.samples;
      lastMs = Math.max(lastMs, series.lastMs);
      // A source with ten times the samples has hardly more to say: of three, two decide.
      const weight = series.samples / (series.samples + sourceDoubt);
      said.push({ value: Math.log(this.#sketches.median(series.slot)), weight });
    }
    return { ms: Math.exp(middleOf(said)), samples, lastMs };
  }

  /** All series as of now, those measured most of late first. */
  save(nowMs: number): SavedSeries[] {
    const interval = Math.floor(nowMs / intervalMs);
    const newcomers = this.#ring.filter((series) => series?.resident === -1);
    const all = [...this.#residents, ...(newcomers as Series[])];
    for (const series of all) this.#age(series, interval);
    return all
      .filter(({ samples }) => samples >= forgetSamples)
      .sort((a, b) => b.presence - a.presence)
      .map(({ cell, source, slot, samples, presence, lastMs }) => ({
        ...{ key: cell.key, region: cell.region, source, samples, presence },
        ageMs: Math.max(0, nowMs - lastMs),
        filled: this.#sketches.filled(slot),
      }));
  }

  /** Takes a series of before a restart, `agoMs` after it was saved, unless its source has spoken here. */
  restore(cell: Cell, saved: SavedSeries, agoMs: number, nowMs: number): void {
    if (cell.series.length >= sourcesPerCell || find(cell.series, saved.source)) return;
    const interval = Math.floor(nowMs / intervalMs);
    const series = this.#admit(cell, saved.source, interval);
    if (!this.#sketches.fill(series.slot, saved.filled)) {
      this.#drop(series);
      return;
    }
    series.samples = saved.samples;
    series.presence = saved.presence;
    series.lastMs = nowMs - agoMs - saved.ageMs;
    series.interval = interval - Math.round(agoMs / intervalMs);
    this.#age(series, interval);
  }

  /** In how many intervals a cell was measured of late, by the source that measured it most. */
  presence(cell: Cell): number {
    return cell.series.reduce((most, series) => Math.max(most, series.presence), 0);
  }

  /** Forgets all of a cell. */
  clear(cell: Cell): void {
    for (const series of [...cell.series]) this.#drop(series);
  }

  #admit(cell: Cell, source: string, interval: number): Series {
    if (cell.series.length >= sourcesPerCell) return cell.series[sourcesPerCell - 1]!;
    const pushed = this.#ring[this.#head];
    if (pushed?.resident === -1) this.#judge(pushed, interval);
    const slot = this.#freeSlots.pop() ?? this.#slots++;
    this.#sketches.clear(slot);
    const series: Series = {
      cell,
      source,
      slot,
      interval,
      seen: -1,
      seenWeight: 0,
      samples: 0,
      presence: 0,
      lastMs: 0,
      resident: -1,
    };
    this.#ring[this.#head] = series;
    this.#head = (this.#head + 1) % this.#ring.length;
    cell.series.push(series);
    this.#held.set(source, (this.#held.get(source) ?? 0) + 1);
    return series;
  }

  #judge(pushed: Series, interval: number): void {
    if (this.#residents.length < this.#maxResidents) {
      pushed.resident = this.#residents.push(pushed) - 1;
      return;
    }
    let least: Series | undefined;
    let leastScore = this.#score(pushed, interval);
    for (let draw = 0; draw < drawn; draw += 1) {
      const series = this.#residents[this.#random.below(this.#residents.length)];
      if (series === undefined) continue;
      const score = this.#score(series, interval);
      if (score >= leastScore) continue;
      least = series;
      leastScore = score;
    }
    if (least === undefined) {
      this.#drop(pushed);
      return;
    }
    this.#drop(least);
    pushed.resident = this.#residents.push(pushed) - 1;
  }

  #score(series: Series, interval: number): number {
    const aged = 2 ** (((series.interval - interval) * intervalMs) / slowHalfLifeMs);
    const fair = (this.#ring.length + this.#maxResidents) / this.#held.size;
    return series.presence * aged * Math.min(1, fair / (this.#held.get(series.source) ?? 1));
  }

  #age(series: Series, interval: number): void {
    if (interval <= series.interval) return;
    const byMs = (interval - series.interval) * intervalMs;
    series.interval = interval;
    this.#sketches.age(series.slot, byMs);
    const left = 2 ** (-byMs / slowHalfLifeMs);
    series.samples *= left;
    series.presence *= left;
  }

  #drop(series: Series): void {
    if (series.resident >= 0) {
      const last = this.#residents.pop()!;
      if (last !== series) {
        this.#residents[series.resident] = last;
        last.resident = series.resident;
      }
    }
    series.resident = -2;
    this.#freeSlots.push(series.slot);
    const held = (this.#held.get(series.source) ?? 1) - 1;
    if (held > 0) this.#held.set(series.source, held);
    else this.#held.delete(series.source);
    const { cell } = series;
    cell.series.splice(cell.series.indexOf(series), 1);
    if (cell.series.length === 0) this.#emptied(cell);
  }
}

/** Samples at which a source weighs half of what it can weigh. */
const sourceDoubt = 10;

function find(list: readonly Series[], source: string): Series | undefined {
  for (const series of list) if (series.source === source) return series;
  return undefined;
}
