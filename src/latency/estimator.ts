import type { ClientClass, Coordinates } from '../geo/client.ts';
import { findCountry } from '../geo/countries.ts';
import { msByDistance } from './by-distance.ts';
import type {
  BlendLatency,
  EstimateLatency,
  LatencyEstimate,
  LatencyPart,
  LatencySource,
} from './estimate.ts';
import { type NearAgents, nearAgents } from './near-agents.ts';
import type { PublishedKey, PublishedTable } from './published-table.ts';

/** What is measured of a class's clients, the most general first. */
interface Row {
  readonly version: number;
  readonly levels: readonly PublishedKey[];
}

/** Gets each source's part, in the order of blending. */
interface Tally {
  take(source: LatencySource, ln: number, trust: number, of?: Of): void;
}

interface Of {
  readonly key: string;
  readonly samples?: number;
  readonly at?: number;
}

/**
 * Makes estimates of published values. From the most general source to the most specific, each is
 * believed as far as its trust goes, and what is left stays with the ones before:
 *
 *   distance ─ agents near by ─ country ─ ASN ─ wider prefix ─ prefix ─> ms
 *      ln ms := ln ms + trust × (ln of what the source says − ln ms)
 *
 * In logarithms, since paths are wrong by a factor and not by so many milliseconds. docs/latency.md
 * has the reasons.
 */
export class Estimator {
  readonly #published: PublishedTable;
  readonly #coordinatesOf: (region: string) => Coordinates | undefined;
  readonly #epochMs: () => number;
  readonly #rows = new WeakMap<ClientClass, Row>();
  readonly #near: NearAgents;
  readonly #largest = new LargestShare();

  constructor(
    published: PublishedTable,
    coordinatesOf: (region: string) => Coordinates | undefined,
    epochMs: () => number,
  ) {
    this.#published = published;
    this.#coordinatesOf = coordinatesOf;
    this.#epochMs = epochMs;
    this.#near = nearAgents(published);
  }

  readonly estimate: EstimateLatency = (client, region, there) => {
    const largest = this.#largest;
    largest.reset();
    const place = there ?? this.#coordinatesOf(region);
    const ln = this.#walk(client, this.#levelsOf(client), region, place, largest);
    return Number.isNaN(ln) ? undefined : largest.estimate(Math.exp(ln));
  };

  readonly blend: BlendLatency = (client, region, there) => {
    const estimate = this.estimate(client, region, there);
    if (estimate === undefined) return undefined;
    const parts = new Parts(this.#epochMs());
    const place = there ?? this.#coordinatesOf(region);
    this.#walk(client, this.#levelsOf(client), region, place, parts);
    return { ...estimate, parts: parts.list };
  };

  /** The logarithm of the estimate; not a number where there is none. */
  #walk(
    client: ClientClass,
    levels: readonly PublishedKey[],
    region: string,
    there: Coordinates | undefined,
    tally: Tally,
  ): number {
    let ln = Number.NaN;
    if (client.coordinates !== undefined && there !== undefined) {
      const byDistance = Math.log(msByDistance(client.coordinates, there));
      ln = byDistance;
      tally.take('distance', byDistance, 1);
      const agents = this.#near(client.coordinates, region);
      if (agents !== undefined) {
        ln += agents.trust * agents.ln;
        tally.take('agents', byDistance + agents.ln, agents.trust, agents);
      }
    }
    for (const level of levels) {
      const entry = level.regions.get(region);
      if (entry === undefined) continue;
      const said = Math.log(entry.ms) + moved(client, level, there);
      // The first thing that is known at all is all that is known.
      const trust = Number.isNaN(ln) ? 1 : entry.trust;
      ln = Number.isNaN(ln) ? said : ln + trust * (said - ln);
      tally.take(level.source, said, trust, entry);
    }
    return ln;
  }

  #levelsOf(client: ClientClass): readonly PublishedKey[] {
    const { version } = this.#published;
    const known = this.#rows.get(client);
    if (known?.version === version) return known.levels;
    const levels: PublishedKey[] = [];
    const add = (key: string) => {
      const found = this.#published.find(key);
      if (found !== undefined) levels.push(found);
    };
    if (client.country !== undefined) add(`country ${client.country}`);
    if (client.asn !== undefined) add(`asn ${client.asn}`);
    for (let at = client.prefixes.length - 1; at >= 0; at -= 1)
      add(`prefix ${client.prefixes[at]}`);
    this.#rows.set(client, { version, levels });
    return levels;
  }
}

/**
 * What was measured of a country is of its people on average: for clients of one place in it, it is
 * moved by the difference of the distances (as a logarithm, to be added).
 */
function moved(client: ClientClass, level: PublishedKey, there: Coordinates | undefined): number {
  if (level.source !== 'measured-country') return 0;
  if (client.coordinates === undefined || client.country === undefined) return 0;
  const centre = findCountry(client.country)?.coordinates;
  if (centre === undefined || there === undefined) return 0;
  return Math.log(msByDistance(client.coordinates, there) / msByDistance(centre, there));
}

/** Finds the source with the largest share without keeping the others. */
class LargestShare implements Tally {
  #source: LatencySource = 'distance';
  #samples = 0;
  #share = 0;

  reset(): void {
    this.#source = 'distance';
    this.#samples = 0;
    this.#share = 0;
  }

  take(source: LatencySource, _ln: number, trust: number, of?: Of): void {
    this.#share *= 1 - trust;
    if (trust <= this.#share) return;
    this.#source = source;
    this.#samples = of?.samples ?? 0;
    this.#share = trust;
  }

  estimate(ms: number): LatencyEstimate {
    return { ms, source: this.#source, samples: this.#samples };
  }
}

class Parts implements Tally {
  readonly #nowMs: number;
  #list: LatencyPart[] = [];

  constructor(nowMs: number) {
    this.#nowMs = nowMs;
  }

  get list(): readonly LatencyPart[] {
    return this.#list;
  }

  take(source: LatencySource, ln: number, trust: number, of?: Of): void {
    this.#list = this.#list.map((part) => ({ ...part, share: part.share * (1 - trust) }));
    this.#list.push({
      source,
      ...(of === undefined ? {} : { key: of.key }),
      ms: Math.exp(ln),
      share: trust,
      samples: of?.samples ?? 0,
      ...(of?.at === undefined
        ? {}
        : { ageSeconds: Math.max(0, Math.round((this.#nowMs - of.at) / 1000)) }),
    });
  }
}
