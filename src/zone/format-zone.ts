import { compareNames, parseName } from '../wire/names.ts';
import { rdataCodec } from '../wire/rdata/registry.ts';
import { typeName } from '../wire/type-names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { relativeName } from './owner-name.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** Longer owners push their line out of the columns instead of widening all of them. */
const maxOwnerColumn = 32;

/** In what order the types of one owner stand; all others follow by number. */
const typeOrder: readonly number[] = [
  rrTypes.SOA,
  rrTypes.NS,
  rrTypes.DS,
  STEER,
  rrTypes.A,
  rrTypes.AAAA,
  rrTypes.CNAME,
  rrTypes.DNAME,
  rrTypes.MX,
  rrTypes.TXT,
];

/** Which words of a type's printed rdata are domain names that may stand relative to the origin. */
const relativeWords = new Map<number, readonly number[]>([
  [rrTypes.NS, [0]],
  [rrTypes.CNAME, [0]],
  [rrTypes.DNAME, [0]],
  [rrTypes.PTR, [0]],
  [rrTypes.SOA, [0, 1]],
  [rrTypes.RP, [0, 1]],
  [rrTypes.MX, [1]],
  [rrTypes.SRV, [3]],
]);

/** What one line of a record is completed by. */
export interface RecordLayout {
  /** The $ORIGIN in force; absent: all names are absolute. */
  readonly origin?: NameKey;
  /** The $TTL in force: equal TTLs are left out. */
  readonly defaultTtl?: number;
  /** Characters to which the columns are padded; 0 or absent for none. */
  readonly ownerColumn?: number;
  readonly ttlColumn?: number;
  readonly typeColumn?: number;
}

/**
 * Writes a zone as a master file in one stable form: $ORIGIN, the commonest TTL as $TTL, the apex
 * with its SOA, then all names in canonical order (RFC 4034 §6.1), relative to the origin. Reading
 * it gives an equal zone. Ends with a newline.
 */
export function formatZone(zone: Zone): string {
  const { origin } = zone;
  const nodes = [...zone.nodes]
    .map(([key, node]) => ({ key, node, name: parseName(key) as Uint8Array }))
    .sort((a, b) => compareNames(a.name, b.name));
  const defaultTtl = commonestTtl(zone);
  let ownerColumn = 0;
  let ttlColumn = 0;
  let typeColumn = 0;
  for (const { node } of nodes) {
    for (const rrset of node.values()) {
      const owner = writtenName(rrset.owner, origin).length;
      if (owner <= maxOwnerColumn) ownerColumn = Math.max(ownerColumn, owner);
      ttlColumn = Math.max(ttlColumn, writtenTtl(rrset, defaultTtl).length);
      typeColumn = Math.max(typeColumn, typeName(rrset.type).length);
    }
  }
  const layout = { origin, defaultTtl, ownerColumn, ttlColumn, typeColumn };
  const chunks = [`$ORIGIN ${origin}\n$TTL ${defaultTtl}\n`];
  // Canonical order puts the apex first, since every other name is below it.
  for (const { node } of nodes) {
    for (const rrset of inTypeOrder(node)) chunks.push(formatRRset(rrset, layout));
  }
  return chunks.join('');
}

/** Writes an RRset as master-file lines, one per record, each ending with a newline. */
export function formatRRset(rrset: RRset, layout: RecordLayout = {}): string {
  const { origin, defaultTtl, ownerColumn = 0, ttlColumn = 0, typeColumn = 0 } = layout;
  const owner = writtenName(rrset.owner, origin).padEnd(ownerColumn);
  const ttl = writtenTtl(rrset, defaultTtl).padStart(ttlColumn);
  const start = `${owner} ${ttl === '' ? '' : `${ttl} `}${typeName(rrset.type).padEnd(typeColumn)} `;
  const codec = rdataCodec(rrset.type);
  let lines = '';
  for (const rdata of rrset.rdatas) {
    lines += `${start}${relativeRdata(rrset.type, codec.format(rdata), origin)}\n`;
  }
  return lines;
}

/** The RRsets of one name as a reader expects them: SOA, NS, STEER, addresses, the rest. */
export function inTypeOrder(node: ReadonlyMap<number, RRset>): RRset[] {
  const rank = (type: number) => {
    const known = typeOrder.indexOf(type);
    return known < 0 ? typeOrder.length + type : known;
  };
  return [...node.values()].sort((a, b) => rank(a.type) - rank(b.type));
}

/** A STEER's TTL is always written: left out, it would mean the service's. */
function writtenTtl({ type, ttl }: RRset, defaultTtl: number | undefined): string {
  return ttl === undefined || (ttl === defaultTtl && type !== STEER) ? '' : String(ttl);
}

/** Relative only if reading completes it to the same letters; an origin in capitals stays. */
function writtenName(name: string, origin: NameKey | undefined): string {
  return origin !== undefined && name.endsWith(origin) ? relativeName(name, origin) : name;
}

function relativeRdata(type: number, text: string, origin: NameKey | undefined): string {
  const words = relativeWords.get(type);
  if (words === undefined || origin === undefined || text.startsWith('\\#')) return text;
  return text
    .split(' ')
    .map((word, index) => (words.includes(index) ? writtenName(word, origin) : word))
    .join(' ');
}

/** The TTL of most RRsets, the lowest of several; STEER aside, which does not take $TTL. */
function commonestTtl(zone: Zone): number {
  const counts = new Map<number, number>();
  for (const node of zone.nodes.values()) {
    for (const { type, ttl } of node.values()) {
      if (ttl !== undefined && type !== STEER) counts.set(ttl, (counts.get(ttl) ?? 0) + 1);
    }
  }
  let commonest = 0;
  for (const [ttl, count] of counts) {
    const most = counts.get(commonest) ?? 0;
    if (count > most || (count === most && ttl < commonest)) commonest = ttl;
  }
  return commonest;
}
