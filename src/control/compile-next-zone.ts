import type { SlotContent } from '../image/arena.ts';
import { type PatchableZone, patchZone } from '../image/patch-zone.ts';
import { writeZone } from '../image/zone-segment.ts';
import { additionalTargets } from '../zone/plain-changes.ts';
import type { Zone } from '../zone/zone.ts';
import type { SlotTable } from './slot-table.ts';

/** A zone, and the slots of the services that its segment names. */
export interface CompiledZone {
  readonly zone: Zone;
  readonly steered: ReadonlyMap<string, number | undefined>;
  /** Of a large zone, what its next version can be made of. */
  readonly large?: Omit<PatchableZone, 'zone'>;
}

/** From so many octets on, a zone's segment is kept to be patched. */
const largeBytes = 256 * 1024;

/** Compiles a zone, a large one out of its version before where that can be done. */
export function compileNext(
  zone: Zone,
  before: CompiledZone | undefined,
  services: SlotTable<string, unknown>,
): CompiledZone & { readonly segment: SlotContent } {
  const isPatchable = before?.large !== undefined && areWhere(before.steered, services);
  const steered = new Map<string, number | undefined>(isPatchable ? before.steered : []);
  const serviceSlot = (service: string) => {
    const slot = services.slot(service);
    steered.set(service, slot);
    return slot;
  };
  if (isPatchable && before.large !== undefined) {
    const { zone: old, large } = before;
    const patched = patchZone({ zone: old, ...large }, zone, { serviceSlot });
    if (patched !== undefined) {
      return { segment: patched.segment, zone, steered, large: { ...large, ...patched } };
    }
  }
  steered.clear();
  const written = writeZone(zone, { serviceSlot });
  if (written.length * 4 < largeBytes) return { segment: written.unshared(), zone, steered };
  const segment = written.finish();
  const words = segment.byteLength >> 2;
  const targets = additionalTargets(zone);
  const large = { segment, usedWords: words, wholeWords: words, targets };
  return { segment, zone, steered, large };
}

/** True when every service still has the slot that a zone's segment names. */
export function areWhere(
  steered: ReadonlyMap<string, number | undefined>,
  services: SlotTable<string, unknown>,
): boolean {
  for (const [name, slot] of steered) if (services.slot(name) !== slot) return false;
  return true;
}
