import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Coordinates } from '../geo/client.ts';
import { CanonicalKeys, type ClientsOf } from './client-key.ts';
import type { BlendLatency, EstimateLatency } from './estimate.ts';
import { Estimator } from './estimator.ts';
import type { PublishedChanges, PublishedLatency } from './published.ts';
import { formatAgentsKey, type PublishedKeys, PublishedTable } from './published-table.ts';
import { type Cell, type SavedSeries, SeriesStore } from './series-store.ts';
import { slowHalfLifeMs } from './sketches.ts';

/** A measured round-trip time between some clients and a region. */
export interface Measurement extends ClientsOf {
  readonly region: string;
  /** Above 0, at most `limits.rttMs`. */
  readonly ms: number;
  /** How many measurements the number stands for; default 1. */
  readonly count?: number | undefined;
}

/** How long an agent took to connect to a region's member. */
export interface AgentConnect {
  /** The agent's id. */
  readonly agent: string;
  /** Where the agent is. */
  readonly coordinates: Coordinates;
  readonly region: string;
  /** Above 0; connects that failed are not told. */
  readonly ms: number;
}

/** Measurements before a value is published. */
export const trustSamples = 10;

/** A published value is withdrawn when age has left fewer measurements than this behind it. */
export const distrustSamples = 5;

/** A published time moves only when it is off by more than both, so that answers do not flap. */
export const hysteresisRatio = 0.1;
export const hysteresisMs = 5;

/** A published trust moves only by steps of at least this. */
export const trustStep = 0.1;

/** Cells that one `settle` looks at; a few microseconds each. */
const cellsPerSettle = 5000;

/** Keys that may give way to busier ones at one `refresh`: each change means new client maps. */
const keysPerRefresh = 100;

/**
 * Round-trip times by (prefix, ASN, country or agents' place) and region, and estimates made of them.
 *
 *   measure, observeAgent ─> cell "asn 64500" × eu-west ─ settle ─> published ─> estimate
 *                            a sketch for each source              10 or more, moved > 10 % and > 5 ms
 *
 * Measuring is cheap and changes no estimate; `settle`, once a second, publishes what has moved. On a
 * node, or a controller that does not lead, the published values are the leader's (`replacePublished`)
 * and what is measured only waits for the day it leads itself.
 */
export class LatencyTable {
  readonly #clock: Clock;
  readonly #coordinatesOf: (region: string) => Coordinates | undefined;
  readonly #canonical = new CanonicalKeys();
  readonly #agentKeys = new WeakMap<Coordinates, string>();
  /** Key → region → cell. */
  readonly #cells = new Map<string, Map<string, Cell>>();
  readonly #series: SeriesStore;
  readonly #published = new PublishedTable();
  readonly #estimator: Estimator;
  #dirty: Cell[] = [];
  #follows = false;

  constructor(options: {
    readonly clock: Clock;
    /** Where a region is; undefined when there is no such region. */
    readonly coordinatesOf: (region: string) => Coordinates | undefined;
    /** Series that are kept; default `limits.latencySeries`. */
    readonly capacity?: number;
  }) {
    this.#clock = options.clock;
    this.#coordinatesOf = options.coordinatesOf;
    this.#series = new SeriesStore((cell) => this.#forget(cell), options.capacity);
    this.#estimator = new Estimator(this.#published, options.coordinatesOf, () =>
      options.clock.epochMs(),
    );
    this.estimate = this.#estimator.estimate;
    this.blend = this.#estimator.blend;
  }

  /** The best estimate for a client class and a region. A plain function, to be passed around. */
  readonly estimate: EstimateLatency;

  /** The same estimate with the sources that it is made of. */
  readonly blend: BlendLatency;

  /** Moves whenever an estimate may have moved: what was compiled from earlier ones is then old. */
  get version(): number {
    return this.#published.version;
  }

  /** Whether there is something for `settle` to look at. */
  get isUnsettled(): boolean {
    return this.#dirty.length > 0;
  }

  /** Whether the published values are another's. */
  get follows(): boolean {
    return this.#follows;
  }

  /**
   * Takes one measurement, or says what is wrong with it. `source` is who says so (a token's name):
   * where three or more have measured the same, none of them decides alone.
   */
  measure(sample: Measurement, source = ''): Problem | undefined {
    const key = this.#canonical.of(sample);
    if (key === undefined) {
      return refuse(`${whomOf(sample)} does not say whose time it is; ${keyRemedy}`);
    }
    const { region, ms, count = 1 } = sample;
    if (this.#coordinatesOf(region) === undefined) {
      return refuse(`region "${region}" does not exist; create it or mend its name`);
    }
    if (!(ms > 0 && ms <= limits.rttMs)) {
      const given = Number.isNaN(ms) ? 'what is no number' : `${ms} ms`;
      return refuse(`${given} is no round-trip time; give 0 < ms ≤ ${limits.rttMs}`);
    }
    if (!(Number.isInteger(count) && count >= 1)) {
      const given = Number.isNaN(count) ? 'that is no number' : `${count}`;
      return refuse(`count ${given} is not a positive integer; leave it out for 1`);
    }
    this.#take(key, region, source, ms, count);
    return undefined;
  }

  /**
   * Takes an agent's connect time to a member of a region; what cannot be one is left out. To be
   * called for each report, with the smallest or the median time of the region's targets in it, and
   * followed by `ImagePublishing.latencyMoved()`. Whoever hears of connect times calls it:
   *
   *     onConnectTimes: (times) => { for (const time of times) table.observeAgent(time); }
   *
   * Pass the same `coordinates` object for an agent each time; its key is remembered by it. Agents
   * within 11 km of one another are taken together, by the median of them.
   */
  observeAgent({ agent, coordinates, region, ms }: AgentConnect): void {
    if (!(ms > 0 && ms <= limits.rttMs) || this.#coordinatesOf(region) === undefined) return;
    let key = this.#agentKeys.get(coordinates);
    if (key === undefined) {
      key = formatAgentsKey(coordinates);
      this.#agentKeys.set(coordinates, key);
    }
    this.#take(key, region, `agent ${agent}`, ms, 1);
  }

  /**
   * Publishes what has moved since, at most some milliseconds' worth; true when some is left for
   * another call. For every second while `isUnsettled`.
   */
  settle(): boolean {
    const nowMs = this.#clock.monotonicMs();
    let seen = 0;
    let looked = 0;
    while (seen < this.#dirty.length && looked < cellsPerSettle) {
      const cell = this.#dirty[seen]!;
      seen += 1;
      cell.dirty = false;
      // What gave way to others since is no work.
      if (this.#follows || cell.series.length === 0) continue;
      this.#publish(cell, nowMs);
      looked += 1;
    }
    this.#dirty = this.#dirty.slice(seen);
    return this.#dirty.length > 0;
  }

  /** Lets age withdraw, with the next `settle`, what too little is left of. For every minute. */
  refresh(): void {
    for (const regions of this.#cells.values()) {
      for (const cell of regions.values()) this.#soil(cell);
    }
    if (this.#follows) return;
    const now = this.#clock.epochMs();
    for (const entry of this.#published.entries()) {
      // Taken over from another controller, and not measured since.
      if (this.#cells.get(entry.key)?.has(entry.region)) continue;
      const left = entry.samples * 2 ** (-(now - entry.at) / slowHalfLifeMs);
      if (left < distrustSamples) this.#published.remove(entry.key, entry.region);
    }
    this.#makeRoom();
  }

  /** All that estimates are made of: what a leader hands to the nodes. */
  published(): readonly PublishedLatency[] {
    return this.#published.entries();
  }

  /**
   * Takes the leader's values, exactly these, for estimates to be made of. From then on what is
   * measured here is kept and not published, until `lead`. `ImagePublishing.latencyMoved()` lets
   * answers follow.
   */
  replacePublished(entries: readonly PublishedLatency[]): void {
    this.#follows = true;
    this.#published.replace(entries);
  }

  /**
   * What moved in the published values after a version of this table: what a leader sends between two
   * whole lists. Undefined when that is too long ago, and the whole list is to be sent.
   */
  publishedSince(version: number): PublishedChanges | undefined {
    return this.#published.changesSince(version);
  }

  /** Takes what moved in the leader's values since those here; else as `replacePublished`. */
  applyPublished({ put, removed }: PublishedChanges): void {
    this.#follows = true;
    for (const { key, region } of removed) this.#published.remove(key, region);
    for (const entry of put) this.#published.put(entry);
  }

  /** Publishes its own measurements from now on, beginning with the values of the leader before. */
  lead(): void {
    if (!this.#follows) return;
    this.#follows = false;
    this.refresh();
  }

  /** All that was measured here and has not faded, those measured most of late first. */
  save(): SavedSeries[] {
    return this.#series.save(this.#clock.monotonicMs());
  }

  /** Takes what was measured before a restart, `agoMs` after it was saved; of regions that there are. */
  restore(saved: Iterable<SavedSeries>, agoMs: number): void {
    for (const series of saved) {
      if (this.#coordinatesOf(series.region) === undefined) continue;
      const cell = this.#cellOf(series.key, series.region);
      this.#series.restore(cell, series, agoMs, this.#clock.monotonicMs());
      if (cell.series.length > 0) this.#soil(cell);
    }
  }

  /** The keys with a published value: what client maps must tell apart. One object until they change. */
  measuredKeys(): PublishedKeys {
    return this.#published.clientKeys();
  }

  #take(key: string, region: string, source: string, ms: number, count: number): void {
    const cell = this.#cellOf(key, region);
    this.#series.add(cell, source, ms, count, this.#clock.monotonicMs());
    this.#soil(cell);
  }

  #cellOf(key: string, region: string): Cell {
    let regions = this.#cells.get(key);
    if (regions === undefined) {
      regions = new Map();
      this.#cells.set(key, regions);
    }
    let cell = regions.get(region);
    if (cell === undefined) {
      cell = { key, region, series: [], dirty: false };
      regions.set(region, cell);
    }
    return cell;
  }

  #soil(cell: Cell): void {
    if (cell.dirty) return;
    cell.dirty = true;
    this.#dirty.push(cell);
  }

  #publish(cell: Cell, nowMs: number): void {
    const { key, region } = cell;
    const { ms, samples, lastMs } = this.#series.consensus(cell, nowMs);
    const before = this.#published.get(key, region);
    const place = this.#coordinatesOf(region);
    if (place === undefined || (before !== undefined && !isSamePlace(before.place, place))) {
      // The region is gone, or elsewhere: what was measured is of another place.
      this.#series.clear(cell);
      this.#published.remove(key, region);
      return;
    }
    if (samples < distrustSamples) {
      this.#published.remove(key, region);
      return;
    }
    if (before === undefined && (samples < trustSamples || !this.#hasRoomFor(key))) return;
    const believed = trustOf(samples);
    const off = before === undefined ? Number.POSITIVE_INFINITY : Math.abs(ms - before.ms);
    const isOff = off > hysteresisMs && off > (before?.ms ?? 0) * hysteresisRatio;
    const isTrustOff = Math.abs(believed - (before?.trust ?? 0)) >= trustStep;
    this.#published.put({
      key,
      region,
      place,
      ms: before === undefined || isOff ? Math.round(ms * 10) / 10 : before.ms,
      trust: before === undefined || isTrustOff ? believed : before.trust,
      samples: Math.round(samples),
      source: sourceOf(key),
      at: Math.round(this.#clock.epochMs() - (nowMs - lastMs)),
    });
  }

  #hasRoomFor(key: string): boolean {
    if (key.startsWith('agents ') || this.#published.has(key)) return true;
    return this.#published.clientKeyCount < limits.latencyKeys;
  }

  /** Where all keys are taken, those measured least give way to others measured twice as often. */
  #makeRoom(): void {
    if (this.#published.clientKeyCount < limits.latencyKeys) return;
    const taken: { key: string; presence: number }[] = [];
    const waiting: { key: string; presence: number }[] = [];
    for (const [key, regions] of this.#cells) {
      if (key.startsWith('agents ')) continue;
      let presence = 0;
      for (const cell of regions.values()) {
        presence = Math.max(presence, this.#series.presence(cell));
      }
      (this.#published.has(key) ? taken : waiting).push({ key, presence });
    }
    taken.sort((a, b) => a.presence - b.presence);
    waiting.sort((a, b) => b.presence - a.presence);
    for (let at = 0; at < Math.min(keysPerRefresh, taken.length, waiting.length); at += 1) {
      const { key, presence } = taken[at]!;
      if (waiting[at]!.presence < 2 * presence) return;
      for (const region of [...(this.#published.find(key)?.regions.keys() ?? [])]) {
        this.#published.remove(key, region);
      }
    }
  }

  #forget(cell: Cell): void {
    const regions = this.#cells.get(cell.key);
    regions?.delete(cell.region);
    if (regions?.size === 0) this.#cells.delete(cell.key);
    if (!this.#follows) this.#published.remove(cell.key, cell.region);
  }
}

/** How far so many samples are believed: 0 where they are withdrawn, 0.33 where published, toward 1. */
export function trustOf(samples: number): number {
  const over = Math.max(0, samples - distrustSamples);
  return Math.round((100 * over) / (over + trustSamples)) / 100;
}

function sourceOf(key: string): PublishedLatency['source'] {
  if (key.startsWith('prefix ')) return 'measured-prefix';
  if (key.startsWith('asn ')) return 'measured-asn';
  return key.startsWith('country ') ? 'measured-country' : 'agents';
}

const isSamePlace = (a: Coordinates, b: Coordinates) =>
  a.latitude === b.latitude && a.longitude === b.longitude;

const keyRemedy =
  'give one prefix without further bits (203.0.113.0/24), one asn, or one country of two letters';

/** What a measurement says of its clients, for messages. */
function whomOf({ clients, prefix, asn, country }: Measurement): string {
  const given = Object.entries({ clients, prefix, asn, country })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${JSON.stringify(value).slice(0, 80)}`);
  return given.length === 0 ? 'a measurement without a client' : given.join(' with ');
}

function refuse(message: string): Problem {
  return { code: 'E_MEASUREMENT', message };
}
