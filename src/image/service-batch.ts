import type { ClientClass } from '../geo/client.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import type { Region } from '../policy/traffic.ts';
import type { UnwrittenSegment } from './arena.ts';
import { type CompileServiceInput, encodeService } from './compile-service.ts';
import { type ServiceShape, shapeOf } from './service-shape.ts';

/** Distances and latencies that a batch keeps for all its services; about 100 octets each. */
const maxSharedFacts = 1_000_000;

interface Compiled {
  /** The segment of the service that was evaluated. */
  readonly words: Int32Array;
  /** For each of the shape's address words its place in the segment, or -1 where no choice has it. */
  readonly places: Int32Array;
}

/**
 * Compiles many services at one moment: regions and latency stay as they are while it lives, and a
 * map slot means the same classes. Services of equal shape and health are evaluated once and differ
 * only in the addresses that are written, so that the loss of a region costs as many evaluations as
 * there are different services, not as there are services.
 */
export class ServiceBatch {
  readonly #regions: ReadonlyMap<string, Region>;
  readonly #estimate: EstimateLatency;
  /** By shape, map slot and health. */
  readonly #compiled = new Map<string, Map<number, Map<string, Compiled>>>();
  readonly #facts = new Map<readonly ClientClass[], readonly ClientFacts[]>();

  constructor(regions: ReadonlyMap<string, Region>, estimate: EstimateLatency) {
    this.#regions = regions;
    this.#estimate = estimate;
  }

  /** Evaluates a service; what can be written is what `compileService` makes, octet for octet. */
  compile(given: Omit<CompileServiceInput, 'regions' | 'estimate'>): UnwrittenSegment {
    const shape = shapeOf(given.service);
    const byHealth = this.#compiledLike(shape.key, given.mapSlot);
    const healthKey = shape.healthKey(given.health);
    let compiled = byHealth.get(healthKey);
    if (compiled === undefined) {
      const input = { ...given, regions: this.#regions, estimate: this.#estimate };
      const { segment, addressAt } = encodeService(input, this.#factsOf(input.classes));
      compiled = { words: new Int32Array(segment), places: placesOf(shape, addressAt) };
      byHealth.set(healthKey, compiled);
    }
    return new Readdressed(compiled, shape.addressWords);
  }

  #compiledLike(shapeKey: string, mapSlot: number): Map<string, Compiled> {
    let byMap = this.#compiled.get(shapeKey);
    if (byMap === undefined) {
      byMap = new Map();
      this.#compiled.set(shapeKey, byMap);
    }
    let byHealth = byMap.get(mapSlot);
    if (byHealth === undefined) {
      byHealth = new Map();
      byMap.set(mapSlot, byHealth);
    }
    return byHealth;
  }

  /** What policies work out about clients is the same for all services that tell them apart alike. */
  #factsOf(classes: readonly ClientClass[]): readonly ClientFacts[] | undefined {
    if (classes.length * this.#regions.size > maxSharedFacts) return undefined;
    let facts = this.#facts.get(classes);
    if (facts === undefined) {
      facts = classes.map((client) => new ClientFacts(client, this.#estimate));
      this.#facts.set(classes, facts);
    }
    return facts;
  }
}

function placesOf(
  { addresses, addressWords }: ServiceShape,
  addressAt: ReadonlyMap<string, number>,
): Int32Array {
  const places = new Int32Array(addressWords.length).fill(-1);
  let word = 0;
  for (const address of addresses) {
    const words = address.includes(':') ? 4 : 1;
    const at = addressAt.get(address);
    for (let part = 0; at !== undefined && part < words; part += 1) {
      places[word + part] = (at >> 2) + part;
    }
    word += words;
  }
  return places;
}

/** A segment with other addresses in the places of its own. */
class Readdressed implements UnwrittenSegment {
  readonly #compiled: Compiled;
  readonly #addressWords: Int32Array;

  constructor(compiled: Compiled, addressWords: Int32Array) {
    this.#compiled = compiled;
    this.#addressWords = addressWords;
  }

  get bytes(): number {
    return this.#compiled.words.byteLength;
  }

  writeTo(words: Int32Array, atWord: number): void {
    const { words: known, places } = this.#compiled;
    words.set(known, atWord);
    for (let word = 0; word < places.length; word += 1) {
      const place = places[word]!;
      if (place >= 0) words[atWord + place] = this.#addressWords[word]!;
    }
  }
}
