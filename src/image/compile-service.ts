import type { ClientClass } from '../geo/client.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import { addressesOf } from '../policy/eligibility.ts';
import { Decider } from '../policy/evaluate.ts';
import type { Region, Service } from '../policy/traffic.ts';
import { type EncodedService, encodeServiceAddresses } from './service-segment.ts';

export interface CompileServiceInput {
  readonly name: string;
  readonly service: Service;
  readonly regions: ReadonlyMap<string, Region>;
  readonly health: ServiceHealth;
  readonly estimate: EstimateLatency;
  /** Slot of the client map that yields class indices, or -1 when every client is alike. */
  readonly mapSlot: number;
  /** By class index; where there are none, one class of which nothing is known. */
  readonly classes: readonly ClientClass[];
}

/**
 * Evaluates a service's policy for every client class and both families, and compiles the choices into
 * one segment for `pickAnswer`. Total: any service that passed validation has a segment.
 */
export function compileService(input: CompileServiceInput): SharedArrayBuffer {
  return encodeService(input).segment;
}

/**
 * `compileService` that also says where addresses stand. `facts` are those of `input.classes`, where
 * several services share them.
 */
export function encodeService(
  input: CompileServiceInput,
  facts?: readonly ClientFacts[],
): EncodedService {
  const classes: readonly ClientClass[] =
    input.classes.length > 0 ? input.classes : [{ prefixes: [] }];
  // Classes outside, families inside: both families share a class's distances and latencies.
  const decideA = new Decider({ ...input, family: 4 });
  const decideAaaa = new Decider({ ...input, family: 6 });
  const rooted = classes.map((client, index) => {
    const known = facts?.[index] ?? new ClientFacts(client, input.estimate);
    return { a: decideA.decide(known), aaaa: decideAaaa.decide(known) };
  });
  const members = [...input.service.members.values()];
  return encodeServiceAddresses({
    mapSlot: input.mapSlot,
    has4: members.some((member) => addressesOf(member, 4).length > 0),
    has6: members.some((member) => addressesOf(member, 6).length > 0),
    members: [...input.service.members.keys()],
    a: rooted.map(({ a }) => a),
    aaaa: rooted.map(({ aaaa }) => aaaa),
  });
}
