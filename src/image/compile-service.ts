import type { ClientClass } from '../geo/client.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { EstimateLatency } from '../latency/estimate.ts';
import { ClientFacts } from '../policy/client-facts.ts';
import { addressesOf } from '../policy/eligibility.ts';
import { Decider } from '../policy/evaluate.ts';
import type { Region, Service } from '../policy/traffic.ts';
import { encodeServiceSegment } from './service-segment.ts';

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
  const classes: readonly ClientClass[] =
    input.classes.length > 0 ? input.classes : [{ prefixes: [] }];
  // Classes outside, families inside: both families share a class's distances and latencies.
  const decideA = new Decider({ ...input, family: 4 });
  const decideAaaa = new Decider({ ...input, family: 6 });
  const rooted = classes.map((client) => {
    const facts = new ClientFacts(client, input.estimate);
    return { a: decideA.decide(facts), aaaa: decideAaaa.decide(facts) };
  });
  const members = [...input.service.members.values()];
  return encodeServiceSegment({
    mapSlot: input.mapSlot,
    has4: members.some((member) => addressesOf(member, 4).length > 0),
    has6: members.some((member) => addressesOf(member, 6).length > 0),
    a: rooted.map(({ a }) => a),
    aaaa: rooted.map(({ aaaa }) => aaaa),
  });
}
