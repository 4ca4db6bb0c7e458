import { parseIp, toBytes } from '../base/ip.ts';
import type { ClientClass } from '../geo/client.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import type { Region } from '../policy/traffic.ts';
import { type CompileServiceInput, encodeService } from './compile-service.ts';
import { healthKey, shapeOf } from './service-shape.ts';

/** Distances and latencies that a batch keeps for all its services; about 100 octets each. */
const maxSharedFacts = 1_000_000;

interface Compiled {
  readonly segment: SharedArrayBuffer;
  /** Byte offset in the segment, or -1 where no choice has the VIP; by place in the shape. */
  readonly addressAt: Int32Array;
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
    const { key, addresses } = shapeOf(input.service);
    const wholeKey = `${key} ${input.mapSlot} ${healthKey(input.service, input.health)}`;
    const known = this.#compiled.get(wholeKey);
    if (known !== undefined) return withAddresses(known, addresses);
    const { segment, addressAt } = encodeService(input, this.#factsOf(input.classes));
    const places = Int32Array.from(addresses, (address) => addressAt.get(address) ?? -1);
    this.#compiled.set(wholeKey, { segment, addressAt: places });
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

/** A copy of a segment with other addresses in the places of its own. */
function withAddresses(
  { segment, addressAt }: Compiled,
  addresses: readonly string[],
): SharedArrayBuffer {
  const copy = new SharedArrayBuffer(segment.byteLength);
  const bytes = new Uint8Array(copy);
  bytes.set(new Uint8Array(segment));
  for (const [place, address] of addresses.entries()) {
    const at = addressAt[place] ?? -1;
    const ip = at < 0 ? undefined : parseIp(address);
    if (ip !== undefined) bytes.set(toBytes(ip), at);
  }
  return copy;
}
