import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Store } from '../store/store.ts';
import { rrTypes } from '../wire/types.ts';
import { rrsetCount } from '../zone/edit-zone.ts';
import { rrsetToJson } from '../zone/rrset-json.ts';
import { compareSerials, nextSerial, soaFields, soaOf, withSerial } from '../zone/serial.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { ObjectChange, ObjectKind, ObjectWrite } from './change.ts';
import type { Configuration } from './controller.ts';
import { Findings } from './findings.ts';
import type { ObjectEdit } from './load-configuration.ts';
import { canonicalId, objectPath, parseRRsetId, rrsetId } from './object-ids.ts';
import { type ObjectValue, readObjectBody } from './read-object.ts';
import { zoneOfSoa } from './zone-writes.ts';

/** A change that is worked out, but not yet checked against all else. */
export interface Draft {
  /** What differs from the store, in the order of the writes; empty when nothing does. */
  readonly changes: readonly ObjectChange[];
  /** The same as values for the configuration. */
  readonly edits: readonly ObjectEdit[];
  /** Zones that come with all that they hold; `changes` has nothing of them. */
  readonly newZones: readonly Zone[];
  readonly problems: readonly Problem[];
  /** `file:line` or JSON pointer of an object of this change. */
  readonly whereOf: (kind: ObjectKind, id: string) => string;
}

/**
 * Works out what writes mean: ids and bodies in their one form, a zone's removal with all its rrsets,
 * what is as it was left out, and the SOA serial of each zone whose content changes moved forward.
 */
export function draftChange(
  current: Configuration,
  store: Store,
  writes: readonly ObjectWrite[],
): Draft {
  const draft = new DraftBuilder(current, store);
  const count = writeCount(writes);
  if (count > limits.writesPerChange) {
    const message = `the change has ${count} writes; split it (at most ${limits.writesPerChange})`;
    draft.findings.error('E_LIMIT', '', message);
    return draft.done();
  }
  for (const write of writes) draft.write(write);
  draft.removeZoneContents();
  draft.refuseStrayRRsets();
  draft.moveSerials();
  return draft.done();
}

/** How many objects are written, those that come with their zone included. */
export function writeCount(writes: readonly ObjectWrite[]): number {
  let count = writes.length;
  for (const { content } of writes) if (content !== undefined) count += rrsetCount(content);
  return count;
}

interface Entry {
  readonly change: ObjectChange;
  readonly value: ObjectValue | null;
}

class DraftBuilder {
  readonly findings: Findings;
  readonly #current: Configuration;
  readonly #store: Store;
  /** True while the store holds nothing. */
  readonly #isFirst: boolean;
  readonly #objects = new ObjectMap();
  readonly #removedZones = new Set<NameKey>();
  readonly #newZones = new Map<NameKey, boolean>();
  readonly #withContent = new Map<NameKey, Zone>();

  constructor(current: Configuration, store: Store) {
    this.#current = current;
    this.#store = store;
    this.#isFirst = store.latest() === 0;
    this.findings = new Findings();
  }

  write({ kind, id: rawId, body, where, value, content }: ObjectWrite): void {
    if (content !== undefined) {
      this.#writeNewZone(content, where);
      return;
    }
    if (value !== undefined && body !== null) {
      if (this.#note(kind, rawId, where, this.findings)) this.put(kind, rawId, body, value);
      return;
    }
    const findings = new Findings((path) => where ?? path);
    const id = canonicalId(kind, rawId, objectPath(kind, rawId), findings);
    if (id !== undefined) this.#writeKnown(kind, id, body, where, findings);
    this.findings.problems.push(...findings.problems);
  }

  #writeNewZone(content: Zone, where: string | undefined): void {
    const { origin: id } = content;
    if (!this.#note('zone', id, where, this.findings)) return;
    if (this.#isNewZone(id)) {
      this.#withContent.set(id, content);
      return;
    }
    const message = `zone ${id} is there already; write its rrsets`;
    this.findings.error('E_CONFLICT', where ?? objectPath('zone', id), message);
  }

  #writeKnown(
    kind: ObjectKind,
    id: string,
    body: string | null,
    where: string | undefined,
    findings: Findings,
  ): void {
    if (!this.#note(kind, id, where, findings)) return;
    if (kind === 'zone' && body === null) this.#removedZones.add(id);
    if (body === null) {
      this.put(kind, id, null, null);
      return;
    }
    const read = readObjectBody(kind, id, body, findings);
    if (read !== undefined) this.put(kind, id, read.body, read.value);
  }

  /** Remembers what is written; false, with a finding, when it was written already. */
  #note(kind: ObjectKind, id: string, where: string | undefined, findings: Findings): boolean {
    const object = this.#objects.at(kind, id);
    if (!object.isWritten) {
      object.isWritten = true;
      object.where = where;
      return true;
    }
    const message = `the change writes ${kind} "${id}" twice; keep one of the two`;
    findings.error('E_CONFLICT', where ?? objectPath(kind, id), message);
    return false;
  }

  /** Records a difference from the store. */
  put(kind: ObjectKind, id: string, after: string | null, value: ObjectValue | null): void {
    const before = this.#bodyOf(kind, id, value);
    if (before === after) return;
    this.#objects.at(kind, id).entry = { change: { kind, id, before, after }, value };
  }

  #bodyOf(kind: ObjectKind, id: string, value: ObjectValue | null): string | null {
    // The first import of a zone need not look for each of its rrsets.
    if (value?.kind === 'rrset' && this.#isNewZone(value.zone)) return null;
    return this.#store.object(kind, id)?.body ?? null;
  }

  #isNewZone(origin: NameKey): boolean {
    let isNew = this.#newZones.get(origin);
    if (isNew === undefined) {
      isNew = this.#isFirst || this.#store.object('zone', origin) === undefined;
      this.#newZones.set(origin, isNew);
    }
    return isNew;
  }

  removeZoneContents(): void {
    for (const origin of this.#removedZones) {
      const zone = this.#current.zones.get(origin);
      for (const [owner, rrsets] of zone?.nodes ?? []) {
        for (const type of rrsets.keys()) this.#remove(rrsetId(origin, owner, type));
      }
      if (zone === undefined) this.#removeUnread(origin);
    }
  }

  /** A zone that is stored but could not be read is known only by its objects. */
  #removeUnread(origin: NameKey): void {
    if (this.#store.object('zone', origin) === undefined) return;
    const ids = [...this.#store.objects()].flatMap(({ kind, id }) =>
      kind === 'rrset' && parseRRsetId(id)?.zone === origin ? [id] : [],
    );
    for (const id of ids) this.#remove(id);
  }

  #remove(id: string): void {
    if (this.#objects.get('rrset', id)?.entry?.value === undefined)
      this.put('rrset', id, null, null);
  }

  /** An rrset needs its zone: one that exists or is made by the same change. */
  refuseStrayRRsets(): void {
    for (const { change, value } of this.#objects.entries()) {
      if (value?.kind !== 'rrset') continue;
      const { zone } = value;
      if (this.#withContent.has(zone)) {
        const message = `zone ${zone} comes with all that it holds; put ${change.id} into it`;
        this.#report('E_CONFLICT', change.kind, change.id, message);
        continue;
      }
      const removed = this.#removedZones.has(zone);
      const made = this.#objects.get('zone', zone)?.entry !== undefined && !removed;
      if (!removed && (made || this.#current.zones.has(zone))) continue;
      const unread = this.#store.object('zone', zone) !== undefined;
      const message = removed
        ? `the change removes zone ${zone} and writes to it; do one of the two`
        : unread
          ? `zone ${zone} is stored but could not be read; remove it before you write it anew`
          : `there is no zone ${zone}; create it first, or correct the name`;
      const code = removed || unread ? 'E_CONFLICT' : 'E_NOT_FOUND';
      this.#report(code, change.kind, change.id, message);
    }
  }

  moveSerials(): void {
    const touched = new Set<NameKey>();
    for (const { change, value } of this.#objects.entries()) {
      const zone = value?.kind === 'rrset' ? value.zone : zoneOfRRset(change);
      if (zone !== undefined && !this.#removedZones.has(zone)) touched.add(zone);
    }
    for (const origin of touched) {
      const zone = this.#current.zones.get(origin);
      const soa = zone && soaOf(zone);
      if (zone !== undefined && soa !== undefined) this.#moveSerial(zone, soa);
    }
  }

  /** RFC 1982: forward by one, unless the change itself moved it forward. */
  #moveSerial(zone: Zone, before: RRset): void {
    const id = rrsetId(zone.origin, zone.origin, rrTypes.SOA);
    const entry = this.#objects.get('rrset', id)?.entry;
    if (entry !== undefined && entry.value?.kind !== 'rrset') return;
    const old = soaFields(before).serial;
    const soa = entry?.value?.kind === 'rrset' ? entry.value.rrset : before;
    const serial = soaFields(soa).serial;
    const order = compareSerials(serial, old);
    if (order === 1) return;
    if (order !== 0) {
      const message =
        `the SOA serial of ${zone.origin} would go back from ${old} to ${serial}, and secondaries ` +
        `would ignore the change; leave it at ${old} (it moves by itself) or choose a later one`;
      this.#report('E_ZONE_SERIAL', 'rrset', id, message);
      return;
    }
    const moved = soaOf(withSerial(zoneOfSoa(zone.origin, soa), nextSerial(old)));
    if (moved === undefined) return;
    const body = JSON.stringify(rrsetToJson(moved));
    const value: ObjectValue = {
      kind: 'rrset',
      zone: zone.origin,
      owner: zone.origin,
      rrset: moved,
    };
    this.put('rrset', id, body, value);
  }

  done(): Draft {
    const entries = [...this.#objects.entries()];
    const edits: ObjectEdit[] = entries.map(({ change, value }) => {
      return { kind: change.kind, id: change.id, value };
    });
    for (const [id, content] of this.#withContent) {
      edits.push({ kind: 'zone', id, value: { kind: 'zone', id, content } });
    }
    return {
      changes: entries.map(({ change }) => change),
      edits,
      newZones: [...this.#withContent.values()],
      problems: this.findings.problems,
      whereOf: (kind, id) => this.#whereOf(kind, id),
    };
  }

  #whereOf(kind: ObjectKind, id: string): string {
    return this.#objects.get(kind, id)?.where ?? objectPath(kind, id);
  }

  #report(code: Problem['code'], kind: ObjectKind, id: string, message: string): void {
    this.findings.problems.push({ code, message, where: this.#whereOf(kind, id) });
  }
}

function zoneOfRRset({ kind, id }: ObjectChange): NameKey | undefined {
  return kind === 'rrset' ? parseRRsetId(id)?.zone : undefined;
}

/** What a change says of one object. */
interface DraftedObject {
  isWritten: boolean;
  /** Where it was written. */
  where: string | undefined;
  /** How it differs from the store; undefined where it does not. */
  entry: Entry | undefined;
}

/** The objects of a change, in the order in which they were first spoken of. */
class ObjectMap {
  readonly #kinds = new Map<ObjectKind, Map<string, DraftedObject>>();
  readonly #all: DraftedObject[] = [];

  get(kind: ObjectKind, id: string): DraftedObject | undefined {
    return this.#kinds.get(kind)?.get(id);
  }

  /** The object, made where it is not there yet. */
  at(kind: ObjectKind, id: string): DraftedObject {
    let ids = this.#kinds.get(kind);
    if (ids === undefined) {
      ids = new Map();
      this.#kinds.set(kind, ids);
    }
    let object = ids.get(id);
    if (object === undefined) {
      object = { isWritten: false, where: undefined, entry: undefined };
      ids.set(id, object);
      this.#all.push(object);
    }
    return object;
  }

  *entries(): Generator<Entry> {
    for (const { entry } of this.#all) if (entry !== undefined) yield entry;
  }
}
