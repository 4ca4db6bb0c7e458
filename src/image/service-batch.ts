import type { ClientClass } from '../geo/client.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import type { Region } from '../policy/traffic.ts';
import { type CompileServiceInput, encodeService } from './compile-service.ts';
import { healthKey, type ServiceShape, shapeOf } from './service-shape.ts';

/** Distances and latencies that a batch keeps for all its services; about 100 octets each. */
const maxSharedFacts = 1_000_000;

interface Compiled {
  readonly segment: SharedArrayBuffer;
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
  readonly #compiled = new Map<string, Compiled>();
  readonly #facts = new Map<readonly ClientClass[], readonly ClientFacts[]>();

  constructor(regions: ReadonlyMap<string, Region>, estimate: EstimateLatency) {
    this.#regions = regions;
    this.#estimate = estimate;
  }

  /** The same segment as `compileService` makes, octet for octet. */
  compile(given: Omit<CompileServiceInput, 'regions' | 'estimate'>): SharedArrayBuffer {
    const input = { ...given, regions: this.#regions, estimate: this.#estimate };
    const shape = shapeOf(input.service);
    const wholeKey = `${shape.key} ${input.mapSlot} ${healthKey(input.service, input.health)}`;
    const known = this.#compiled.get(wholeKey);
    if (known !== undefined) return withAddresses(known, shape);
    const { segment, addressAt } = encodeService(input, this.#factsOf(input.classes));
    this.#compiled.set(wholeKey, { segment, places: placesOf(shape, addressAt) });
    return segment;
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

/** A copy of a segment with other addresses in the places of its own. */
function withAddresses({ segment, places }: Compiled, shape: ServiceShape): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(segment.byteLength);
  const words = new Int32Array(copy);
  words.set(new Int32Array(segment));
  const { addressWords } = shape;
  for (let word = 0; word < addressWords.length; word += 1) {
    const place = places[word]!;
    if (place >= 0) words[place] = addressWords[word]!;
  }
  return copy;
}
