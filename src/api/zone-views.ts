import { labelsOf } from '../wire/names.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes } from '../wire/types.ts';
import { rrsetToJson } from '../zone/rrset-json.ts';
import { soaFields } from '../zone/serial.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';

/** A zone without its records, as lists and writes show it. */
export interface ZoneSummary {
  readonly name: NameKey;
  readonly serial: number | null;
  readonly rrsetCount: number;
  readonly recordCount: number;
}

/** One RRset as the API shows it: an absolute owner name, the type's name, and what it holds. */
export interface RRsetView {
  readonly name: string;
  readonly type: string;
  /** Seconds; absent for a STEER that takes its service's. */
  readonly ttl?: number;
  readonly values?: readonly string[];
  readonly steer?: string;
}

const counts = new WeakMap<Zone, { rrsetCount: number; recordCount: number }>();
const sorted = new WeakMap<Zone, readonly SortedRRset[]>();

/** An RRset and the key by which lists are in order. */
export interface SortedRRset {
  readonly key: string;
  readonly ownerKey: NameKey;
  readonly rrset: RRset;
}

/** Name, serial and size of a zone. */
export function zoneSummary(zone: Zone): ZoneSummary {
  const soa = zone.nodes.get(zone.origin)?.get(rrTypes.SOA);
  const serial = soa === undefined ? null : (soaFields(soa)?.serial ?? null);
  return { name: zone.origin, serial, ...countRecords(zone) };
}

/** One RRset as JSON. */
export function viewRRset(rrset: RRset): RRsetView {
  return { name: rrset.owner, type: typeName(rrset.type), ...rrsetToJson(rrset) };
}

/** A zone's RRsets, apex first, then down the tree; worked out once for each version of a zone. */
export function sortedRRsets(zone: Zone): readonly SortedRRset[] {
  const known = sorted.get(zone);
  if (known !== undefined) return known;
  const list: SortedRRset[] = [];
  for (const [owner, rrsets] of zone.nodes) {
    const path = [...labelsOf(owner)].reverse().join('\u0000');
    for (const rrset of rrsets.values()) {
      const key = `${path}\u0000\u0000${String(rrset.type).padStart(5, '0')}`;
      list.push({ key, ownerKey: owner, rrset });
    }
  }
  list.sort((a, b) => (a.key < b.key ? -1 : 1));
  sorted.set(zone, list);
  return list;
}

function countRecords(zone: Zone): { rrsetCount: number; recordCount: number } {
  const known = counts.get(zone);
  if (known !== undefined) return known;
  let rrsetCount = 0;
  let recordCount = 0;
  for (const rrsets of zone.nodes.values()) {
    rrsetCount += rrsets.size;
    for (const rrset of rrsets.values()) recordCount += rrset.rdatas.length;
  }
  const result = { rrsetCount, recordCount };
  counts.set(zone, result);
  return result;
}
