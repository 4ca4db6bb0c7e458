import { typeName } from '../wire/type-names.ts';
import { rrTypes } from '../wire/types.ts';
import { diffZones } from '../zone/diff-zone.ts';
import { rrsetFromJson, rrsetToJson } from '../zone/rrset-json.ts';
import { compareSerials, soaFields, soaOf, withSerial } from '../zone/serial.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { ObjectWrite } from './change.ts';
import { parseRRsetId, rrsetId } from './object-ids.ts';

/** The writes that turn one version of a zone into another; an absent one is made. */
export function zoneWrites(before: Zone | undefined, after: Zone): ObjectWrite[] {
  const writes: ObjectWrite[] =
    before === undefined ? [{ kind: 'zone', id: after.origin, body: '{}' }] : [];
  for (const { owner, type, after: rrset } of diffZones(before, after)) {
    const id = rrsetId(after.origin, owner, type);
    if (rrset === undefined) writes.push({ kind: 'rrset', id, body: null });
    else writes.push(rrsetWrite(after.origin, owner, id, rrset));
  }
  return writes;
}

function rrsetWrite(zone: NameKey, owner: NameKey, id: string, rrset: RRset): ObjectWrite {
  const body = JSON.stringify(rrsetToJson(rrset));
  const value = { kind: 'rrset', zone, owner, rrset: ownedBy(owner, rrset) } as const;
  const { where } = rrset;
  const write = { kind: 'rrset', id, body, value } as const;
  return where === undefined ? write : { ...write, where };
}

/** The RRset with its owner as a key: the case in which a name was first written is not stored. */
function ownedBy(owner: NameKey, rrset: RRset): RRset {
  if (rrset.owner === owner) return rrset;
  const { type, ttl, rdatas } = rrset;
  return { owner, type, ttl, rdatas };
}

/**
 * The zone under the serial of `current` unless its own is later. Files seldom know the serial that
 * changes made since have reached; the next change of content moves it on.
 */
export function keepSerial(zone: Zone, current: Zone | undefined): Zone {
  const own = soaOf(zone);
  const reached = current && soaOf(current);
  if (own === undefined || reached === undefined) return zone;
  const { serial } = soaFields(reached);
  return compareSerials(soaFields(own).serial, serial) === 1 ? zone : withSerial(zone, serial);
}

/** Writes with the SOA serials of now, so that going back in content does not go back in serial. */
export function keepSerialsOf(
  writes: readonly ObjectWrite[],
  zones: ReadonlyMap<NameKey, Zone>,
): ObjectWrite[] {
  return writes.map((write) => {
    const parsed = write.kind === 'rrset' ? parseRRsetId(write.id) : undefined;
    if (parsed?.type !== rrTypes.SOA || write.body === null) return write;
    const current = zones.get(parsed.zone);
    const rrset = rrsetFromJson(
      parsed.zone,
      parsed.owner,
      typeName(parsed.type),
      JSON.parse(write.body) as object,
    );
    if (current === undefined || Array.isArray(rrset)) return write;
    const holder = zoneOfSoa(parsed.zone, rrset as RRset);
    const soa = soaOf(keepSerial(holder, current));
    return soa === undefined ? write : { ...write, body: JSON.stringify(rrsetToJson(soa)) };
  });
}

/** A zone of nothing but an SOA, for arithmetic on its serial. */
export function zoneOfSoa(origin: NameKey, soa: RRset): Zone {
  return { origin, nodes: new Map([[origin, new Map([[soa.type, soa]])]]) };
}
