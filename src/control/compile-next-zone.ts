import type { Steps } from '../base/steps.ts';
import type { SlotContent } from '../image/arena.ts';
import { type LargeZone, patchZone } from '../image/patch-zone.ts';
import { writeZone } from '../image/zone-segment.ts';
import type { Zone } from '../zone/zone.ts';
import { findLinks } from '../zone/zone-links.ts';
import type { SlotTable } from './slot-table.ts';

/** A zone, and the slots of the services that its segment names. */
export interface CompiledZone {
  readonly zone: Zone;
  readonly steered: ReadonlyMap<string, number | undefined>;
  /** Of a large zone, what its next version can be made of. */
  readonly large?: LargeZone;
}

/** A compiled zone and what is to stand in its slot. */
export interface CompiledSegment {
  readonly compiled: CompiledZone;
  readonly segment: SlotContent;
}

/** Large zones that were compiled as a whole: whoever asks again need not wait again. */
const wholes = new WeakMap<Zone, CompiledSegment>();

/** Compiles a zone in steps, a large one out of its version before where that can be done. */
export function* compileNext(
  zone: Zone,
  before: CompiledZone | undefined,
  services: SlotTable<string, unknown>,
): Steps<CompiledSegment> {
  const patched = patchNext(zone, before, services);
  if (patched !== undefined) return patched;
  const whole = wholes.get(zone);
  if (whole !== undefined && areWhere(whole.compiled.steered, services)) return whole;
  const steered = new Map<string, number | undefined>();
  const body = yield* writeZone(zone, { serviceSlot: slotsNoted(services, steered) });
  const { shared } = body;
  if (shared === undefined) return { compiled: { zone, steered }, segment: body.unshared() };
  // Its next version asks for them.
  yield* findLinks(zone);
  const made = ofLarge({ zone, body, root: 0, wholeWords: body.length }, steered);
  wholes.set(zone, made);
  return made;
}

/** The next version of a large zone; undefined where it is to be compiled as a whole. */
export function patchNext(
  zone: Zone,
  before: CompiledZone | undefined,
  services: SlotTable<string, unknown>,
): CompiledSegment | undefined {
  if (before?.large === undefined || !areWhere(before.steered, services)) return undefined;
  const steered = new Map(before.steered);
  const large = patchZone(before.large, zone, { serviceSlot: slotsNoted(services, steered) });
  return large === undefined ? undefined : ofLarge(large, steered);
}

/** The present version of a zone of which an earlier one was folded, in the memory of the fold. */
export function followFold(
  folded: LargeZone,
  { zone, steered }: CompiledZone,
  services: SlotTable<string, unknown>,
): CompiledSegment | undefined {
  if (folded.zone === zone) return ofLarge(folded, steered);
  return patchNext(zone, { zone: folded.zone, steered, large: folded }, services);
}

/** A large zone as it is compiled. */
function ofLarge(
  large: LargeZone,
  steered: ReadonlyMap<string, number | undefined>,
): CompiledSegment {
  const { zone, body, root } = large;
  if (body.shared === undefined) throw new Error('a large zone is not in shared memory');
  const segment = { segment: body.shared, bytes: body.length * 4, root };
  return { compiled: { zone, steered, large }, segment };
}

/** Slots of services by name; notes which were asked for. */
function slotsNoted(
  services: SlotTable<string, unknown>,
  steered: Map<string, number | undefined>,
): (service: string) => number | undefined {
  return (service) => {
    const slot = services.slot(service);
    steered.set(service, slot);
    return slot;
  };
}

/** True when every service still has the slot that a zone's segment names. */
export function areWhere(
  steered: ReadonlyMap<string, number | undefined>,
  services: SlotTable<string, unknown>,
): boolean {
  for (const [name, slot] of steered) if (services.slot(name) !== slot) return false;
  return true;
}
