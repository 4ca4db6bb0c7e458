import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ClientClass, Coordinates } from '../geo/client.ts';
import { distanceKm } from '../geo/distance.ts';
import { type ClientKey, formatClientKey, readClientKey } from './client-key.ts';
import type { EstimateLatency, LatencyEstimate } from './estimate.ts';
import { RecentMedian } from './recent-median.ts';

/** A measured round-trip time between some clients and a region. */
export interface Measurement {
  /** Exactly one of these three. A prefix or an address; finer than /24 or /56 is widened to that. */
  readonly prefix?: string | undefined;
  readonly asn?: number | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
  readonly region: string;
  /** Above 0, at most `limits.rttMs`. */
  readonly ms: number;
  /** How many measurements the number stands for; default 1. */
  readonly count?: number | undefined;
}

/** Measurements before a value is believed. */
export const trustSamples = 10;

/** A published value is withdrawn when age has left fewer measurements than this behind it. */
export const distrustSamples = 5;

/** A published value moves only when it is off by more than both, so that answers do not flap. */
export const hysteresisRatio = 0.1;
export const hysteresisMs = 5;

/** What distance alone says: 16 ms of access and detours, and 16 ms for every 1,000 km. */
export const baseMs = 16;
export const msPerKm = 16 / 1000;

interface Series {
  readonly key: ClientKey;
  readonly region: string;
  readonly median: RecentMedian;
  published: { readonly ms: number; readonly samples: number } | undefined;
}

/**
 * Round-trip times by (prefix, ASN or country) and region, and the estimates made of them.
 *
 *   measure ─> series "asn 64500 eu-west": last samples ── median ──> published ─> estimate
 *                                                10 or more, moved > 10 % and > 5 ms
 *
 * An estimate takes the most specific published value: prefix, then ASN, then country, then distance.
 * At most `limits.latencySeries` series are kept; the one that was measured longest ago gives way. At
 * most `limits.latencyKeys` keys are published; those that are stay, since a change of keys means new
 * client maps, and others wait until age has withdrawn some.
 */
export class LatencyTable {
  readonly #clock: Clock;
  readonly #coordinatesOf: (region: string) => Coordinates | undefined;
  /** By `key region`; the one that was measured longest ago stands first. */
  readonly #series = new Map<string, Series>();
  /** Published values only: key → region → value; what estimates read. */
  readonly #published = new Map<string, Map<string, Series>>();
  #version = 0;

  constructor(options: {
    readonly clock: Clock;
    /** Where a region is; undefined when there is no such region. */
    readonly coordinatesOf: (region: string) => Coordinates | undefined;
  }) {
    this.#clock = options.clock;
    this.#coordinatesOf = options.coordinatesOf;
  }

  /** Moves whenever an estimate may have moved: what was compiled from earlier ones is then old. */
  get version(): number {
    return this.#version;
  }

  /** Takes one measurement, or says what is wrong with it. */
  measure(sample: Measurement): Problem | undefined {
    const key = readClientKey(sample);
    if (key === undefined) {
      return refuse(`${clientsOf(sample)} does not say whose time it is; ${keyRemedy}`);
    }
    if (this.#coordinatesOf(sample.region) === undefined) {
      return refuse(`region "${sample.region}" does not exist; create it or mend its name`);
    }
    if (!(sample.ms > 0 && sample.ms <= limits.rttMs)) {
      return refuse(`${sample.ms} ms is no round-trip time; give 0 < ms ≤ ${limits.rttMs}`);
    }
    const count = sample.count ?? 1;
    if (!Number.isInteger(count) || count < 1) {
      return refuse(`count ${count} is not a positive integer; leave it out for 1`);
    }
    const nowMs = this.#clock.monotonicMs();
    const name = `${formatClientKey(key)} ${sample.region}`;
    const series = this.#series.get(name) ?? {
      key,
      region: sample.region,
      median: new RecentMedian(),
      published: undefined,
    };
    series.median.add(sample.ms, count, nowMs);
    this.#series.delete(name);
    this.#series.set(name, series);
    this.#publish(series, nowMs);
    this.#shed();
    return undefined;
  }

  /** Lets age do its work: withdraws values that too few measurements are left of. For every minute or so. */
  refresh(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [name, series] of this.#series) {
      this.#publish(series, nowMs);
      if (series.median.read(nowMs).samples < forgetSamples) this.#series.delete(name);
    }
  }

  /** The best estimate for a client class and a region. A plain function, to be passed around. */
  readonly estimate: EstimateLatency = (client, region, there) => {
    for (const prefix of client.prefixes) {
      const measured = this.#lookUp(`prefix ${prefix}`, region, 'measured-prefix');
      if (measured !== undefined) return measured;
    }
    if (client.asn !== undefined) {
      const measured = this.#lookUp(`asn ${client.asn}`, region, 'measured-asn');
      if (measured !== undefined) return measured;
    }
    if (client.country !== undefined) {
      const measured = this.#lookUp(`country ${client.country}`, region, 'measured-country');
      if (measured !== undefined) return measured;
    }
    return this.#byDistance(client, there ?? this.#coordinatesOf(region));
  };

  /** The keys with a published value, each list sorted: what client maps must tell apart. */
  measuredKeys(): {
    readonly prefixes: readonly string[];
    readonly asns: readonly number[];
    readonly countries: readonly string[];
  } {
    const prefixes = new Set<string>();
    const asns = new Set<number>();
    const countries = new Set<string>();
    for (const regions of this.#published.values()) {
      for (const { key } of regions.values()) {
        if (key.kind === 'prefix') prefixes.add(key.prefix);
        else if (key.kind === 'asn') asns.add(key.asn);
        else countries.add(key.country);
      }
    }
    return {
      prefixes: [...prefixes].sort(),
      asns: [...asns].sort((a, b) => a - b),
      countries: [...countries].sort(),
    };
  }

  #lookUp(
    key: string,
    region: string,
    source: LatencyEstimate['source'],
  ): LatencyEstimate | undefined {
    const published = this.#published.get(key)?.get(region)?.published;
    return published === undefined ? undefined : { ...published, source };
  }

  #byDistance(client: ClientClass, there: Coordinates | undefined): LatencyEstimate | undefined {
    if (client.coordinates === undefined || there === undefined) return undefined;
    const ms = baseMs + msPerKm * distanceKm(client.coordinates, there);
    return { ms, source: 'distance', samples: 0 };
  }

  #publish(series: Series, nowMs: number): void {
    const { ms, samples } = series.median.read(nowMs);
    const before = series.published;
    if (before === undefined) {
      if (samples < trustSamples || !this.#hasRoomFor(series.key)) return;
      series.published = { ms, samples: Math.round(samples) };
      this.#put(series);
      this.#version += 1;
    } else if (samples < distrustSamples) {
      this.#withdraw(series);
    } else {
      const off = Math.abs(ms - before.ms);
      const moved = off > hysteresisMs && off > before.ms * hysteresisRatio;
      series.published = { ms: moved ? ms : before.ms, samples: Math.round(samples) };
      if (moved) this.#version += 1;
    }
  }

  #hasRoomFor(key: ClientKey): boolean {
    return this.#published.size < limits.latencyKeys || this.#published.has(formatClientKey(key));
  }

  #put(series: Series): void {
    const key = formatClientKey(series.key);
    const regions = this.#published.get(key) ?? new Map<string, Series>();
    regions.set(series.region, series);
    this.#published.set(key, regions);
  }

  #withdraw(series: Series): void {
    const key = formatClientKey(series.key);
    const regions = this.#published.get(key);
    if (series.published === undefined || regions === undefined) return;
    series.published = undefined;
    regions.delete(series.region);
    if (regions.size === 0) this.#published.delete(key);
    this.#version += 1;
  }

  #shed(): void {
    for (const [name, series] of this.#series) {
      if (this.#series.size <= limits.latencySeries) return;
      this.#series.delete(name);
      this.#withdraw(series);
    }
  }
}

/** A series with less than this left is forgotten. */
const forgetSamples = 0.5;

const keyRemedy =
  'give one prefix without further bits (203.0.113.0/24), one asn, or one country of two letters';

/** What a measurement says of its clients, for messages. */
function clientsOf({ prefix, asn, country }: Measurement): string {
  const given = Object.entries({ prefix, asn, country })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${JSON.stringify(value).slice(0, 80)}`);
  return given.length === 0 ? 'a measurement without a client' : given.join(' with ');
}

function refuse(message: string): Problem {
  return { code: 'E_MEASUREMENT', message };
}
