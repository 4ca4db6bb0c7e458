import { limits } from '../base/limits.ts';
import { typeName } from '../wire/type-names.ts';
import { relativeName } from './owner-name.ts';
import { NO_TTL, PackedNodes, TTL_OF_SOA } from './packed-nodes.ts';
import { type ProblemList, quoted } from './problem-list.ts';
import { RecordArena } from './record-arena.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** One record as a file has it. */
export interface FileRecord {
  /** Absolute, in the case written. */
  readonly owner: string;
  readonly key: NameKey;
  readonly type: number;
  /** Seconds; undefined for a STEER without one; `TTL_OF_SOA`. */
  readonly ttl: number | undefined;
  readonly rdata: Uint8Array;
  readonly file: string;
  readonly line: number;
}

/** Gathers records into the RRsets of a zone, merging duplicates and TTLs (RFC 2181 §5). */
export class ZoneBuilder {
  readonly origin: NameKey;
  readonly nodes: PackedNodes;
  readonly #problems: ProblemList;
  /** RRsets whose TTL is to come. */
  readonly #awaitingSoa: number[] = [];

  constructor(origin: NameKey, problems: ProblemList, arena: RecordArena = new RecordArena()) {
    this.origin = origin;
    this.nodes = new PackedNodes(origin, arena);
    this.#problems = problems;
  }

  /** Adds a record; its owner must lie in the zone. Returns the number of its name. */
  add(record: FileRecord): number {
    const { nodes } = this;
    const name = nodes.nameOf(record.key);
    const rrset = nodes.rrsetOf(name, record.type);
    if (rrset >= 0) {
      this.#extend(name, rrset, record);
      return name;
    }
    const ttl = record.ttl ?? NO_TTL;
    const added = this.addRRset(name, record.type, ttl, record.file, record.line);
    if (record.owner !== record.key) nodes.setOwner(added, record.owner);
    nodes.addRdata(added, record.rdata);
    return name;
  }

  /** Adds an RRset of a type that its name does not own yet; its first rdata is to follow. */
  addRRset(name: number, type: number, ttl: number, file: string, line: number): number {
    const { nodes } = this;
    const added = nodes.addRRset(name, type, ttl, nodes.arena.fileNumber(file), line);
    if (ttl === TTL_OF_SOA) this.#awaitingSoa.push(added);
    return added;
  }

  /** The zone, its missing TTLs set to `soaMinimum` seconds (RFC 2308 §4 has no other source). */
  finish(soaMinimum: number | undefined): Zone {
    if (this.#awaitingSoa.length > 0) this.#settleTtls(soaMinimum);
    return { origin: this.origin, nodes: this.nodes };
  }

  /** The RRset so far. */
  rrset(key: NameKey, type: number): RRset | undefined {
    const name = this.nodes.find(key);
    const rrset = name < 0 ? -1 : this.nodes.rrsetOf(name, type);
    return rrset < 0 ? undefined : this.nodes.rrset(name, rrset);
  }

  #extend(name: number, rrset: number, record: FileRecord): void {
    const { nodes } = this;
    if (nodes.arena.holds(rrset, record.rdata)) {
      const first = nodes.whereOf(rrset);
      const text = `${this.#describe(record)} is there already, first at ${first}; remove one`;
      this.#problems.warn('E_ZONE_DUPLICATE', text, whereOf(record));
    } else if (nodes.arena.recordsOf(rrset) <= limits.rrsPerRrset) {
      // One over the limit is enough for the checks to see it; looking for duplicates stays cheap.
      nodes.addRdata(rrset, record.rdata);
    }
    this.#mergeTtl(nodes.rrset(name, rrset), rrset, record);
  }

  #mergeTtl(before: RRset, rrset: number, { ttl, ...record }: FileRecord): void {
    if (ttl === undefined || ttl === TTL_OF_SOA || ttl === before.ttl) return;
    if (before.ttl === undefined || before.ttl === TTL_OF_SOA) {
      this.nodes.setTtl(rrset, ttl);
      return;
    }
    const lowest = Math.min(ttl, before.ttl);
    const text = `TTL ${ttl} of ${this.#describe(record)} differs from ${before.ttl} at ${before.where}`;
    const remedy = `${lowest} counts for the whole RRset (RFC 2181 §5.2)`;
    this.#problems.warn('E_ZONE_TTL_MISMATCH', `${text}; ${remedy}`, whereOf(record));
    this.nodes.setTtl(rrset, lowest);
  }

  #settleTtls(soaMinimum: number | undefined): void {
    const { arena } = this.nodes;
    const waiting = this.#awaitingSoa.filter((rrset) => arena.ttlOf(rrset) === TTL_OF_SOA);
    if (waiting.length === 0) return;
    const where = this.nodes.whereOf(this.#awaitingSoa[0] ?? 0);
    if (soaMinimum === undefined || soaMinimum > limits.ttlSeconds) {
      const reason =
        soaMinimum === undefined ? 'there is no SOA' : `the SOA's ${soaMinimum} is too high`;
      const text = `no TTL, no $TTL before, and ${reason}; write $TTL on the first line`;
      this.#problems.error('E_ZONE_TTL', text, where);
    } else {
      const count = waiting.length === 1 ? 'one RRset has' : `${waiting.length} RRsets have`;
      const text = `${count} no TTL and no $TTL before; the SOA's minimum of ${soaMinimum} counts`;
      this.#problems.warn('E_ZONE_TTL', `${text}, write $TTL on the first line`, where);
    }
    for (const rrset of waiting) this.nodes.setTtl(rrset, soaMinimum ?? 0);
  }

  #describe(record: Pick<FileRecord, 'owner' | 'type'>): string {
    return `${typeName(record.type)} at ${quoted(relativeName(record.owner, this.origin))}`;
  }
}

function whereOf(record: Pick<FileRecord, 'file' | 'line'>): string {
  return `${record.file}:${record.line}`;
}
