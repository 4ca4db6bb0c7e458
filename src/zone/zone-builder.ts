import { limits } from '../base/limits.ts';
import { typeName } from '../wire/type-names.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemList, quoted } from './problem-list.ts';
import { RdataStore } from './rdata-store.ts';
import { RRsetMap } from './rrset-map.ts';
import { sameRdata } from './same-rdata.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/** Stands for a TTL that only the SOA's minimum can give, which may come later in the file. */
export const TTL_OF_SOA = -1;

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

/** What the RRsets of one file have in common. */
interface Source {
  /** Undefined once it is of no more use. */
  file: string | undefined;
  readonly store: RdataStore;
}

/**
 * An RRset while its file is read; afterwards nobody changes it. Rdata and place are made when they
 * are asked for: kept ready, a million of them would weigh several times what the records do.
 */
class FileRRset implements RRset {
  readonly owner: string;
  readonly type: number;
  ttl: number | undefined;
  readonly #source: Source;
  readonly #line: number;
  readonly #firstAt: number;
  #othersAt: number[] | undefined;

  constructor(record: FileRecord, source: Source) {
    this.owner = record.owner;
    this.type = record.type;
    this.ttl = record.ttl;
    this.#source = source;
    this.#line = record.line;
    this.#firstAt = source.store.add(record.rdata);
  }

  get rdatas(): readonly Uint8Array[] {
    const { store } = this.#source;
    const first = store.get(this.#firstAt);
    if (this.#othersAt === undefined) return [first];
    return [first, ...this.#othersAt.map((at) => store.get(at))];
  }

  get where(): string | undefined {
    const { file } = this.#source;
    return file === undefined ? undefined : `${file}:${this.#line}`;
  }

  /** For this and all RRsets of its file. */
  forgetPlace(): void {
    this.#source.file = undefined;
  }

  /** The number of records. */
  get count(): number {
    return 1 + (this.#othersAt?.length ?? 0);
  }

  /** True when the record is there already. */
  holds(rdata: Uint8Array): boolean {
    const { store } = this.#source;
    const isAt = (at: number) =>
      store.resembles(at, rdata) && sameRdata(this.type, store.get(at), rdata);
    return isAt(this.#firstAt) || (this.#othersAt?.some(isAt) ?? false);
  }

  add(rdata: Uint8Array): void {
    const at = this.#source.store.add(rdata);
    if (this.#othersAt === undefined) this.#othersAt = [at];
    else this.#othersAt.push(at);
  }
}

/**
 * Forgets where an RRset and all others of its file were read from: once they are stored they change
 * apart from the file, and a line of it would mislead.
 */
export function forgetPlace(rrset: RRset): void {
  if (rrset instanceof FileRRset) rrset.forgetPlace();
}

/** Gathers records into the RRsets of a zone, merging duplicates and TTLs (RFC 2181 §5). */
export class ZoneBuilder {
  readonly origin: NameKey;
  readonly #problems: ProblemList;
  readonly #nodes = new Map<NameKey, RRsetMap<FileRRset>>();
  readonly #awaitingSoa: FileRRset[] = [];
  readonly #store = new RdataStore();
  #source: Source | undefined;
  #lastKey: NameKey = '';
  #lastNode: RRsetMap<FileRRset> | undefined;

  constructor(origin: NameKey, problems: ProblemList) {
    this.origin = origin;
    this.#problems = problems;
  }

  /** Adds a record; its owner must lie in the zone. */
  add(record: FileRecord): void {
    const node = record.key === this.#lastKey ? this.#lastNode : this.#nodes.get(record.key);
    const rrset = node?.get(record.type);
    if (rrset !== undefined) {
      this.#extend(rrset, record);
      return;
    }
    const first = new FileRRset(record, this.#sourceOf(record.file));
    if (record.ttl === TTL_OF_SOA) this.#awaitingSoa.push(first);
    this.#lastKey = record.key;
    if (node !== undefined) {
      node.grow(first);
      this.#lastNode = node;
      return;
    }
    this.#lastNode = new RRsetMap<FileRRset>(first);
    this.#nodes.set(record.key, this.#lastNode);
  }

  /** The zone, its missing TTLs set to `soaMinimum` seconds (RFC 2308 §4 has no other source). */
  finish(soaMinimum: number | undefined): Zone {
    this.#store.trim();
    const [first] = this.#awaitingSoa;
    if (first !== undefined) this.#settleTtls(first, soaMinimum);
    return { origin: this.origin, nodes: this.#nodes };
  }

  /** The RRset so far. */
  rrset(key: NameKey, type: number): RRset | undefined {
    return this.#nodes.get(key)?.get(type);
  }

  #extend(rrset: FileRRset, record: FileRecord): void {
    if (rrset.holds(record.rdata)) {
      const text = `${this.#describe(record)} is there already, first at ${rrset.where}; remove one`;
      this.#problems.warn('E_ZONE_DUPLICATE', text, whereOf(record));
    } else if (rrset.count <= limits.rrsPerRrset) {
      // One over the limit is enough for the checks to see it; looking for duplicates stays cheap.
      rrset.add(record.rdata);
    }
    this.#mergeTtl(rrset, record);
  }

  #sourceOf(file: string): Source {
    if (this.#source?.file !== file) this.#source = { file, store: this.#store };
    return this.#source;
  }

  #mergeTtl(rrset: FileRRset, { ttl, ...record }: FileRecord): void {
    if (ttl === undefined || ttl === TTL_OF_SOA || ttl === rrset.ttl) return;
    if (rrset.ttl === undefined || rrset.ttl === TTL_OF_SOA) {
      rrset.ttl = ttl;
      return;
    }
    const lowest = Math.min(ttl, rrset.ttl);
    const text = `TTL ${ttl} of ${this.#describe(record)} differs from ${rrset.ttl} at ${rrset.where}`;
    const remedy = `${lowest} counts for the whole RRset (RFC 2181 §5.2)`;
    this.#problems.warn('E_ZONE_TTL_MISMATCH', `${text}; ${remedy}`, whereOf(record));
    rrset.ttl = lowest;
  }

  #settleTtls(first: FileRRset, soaMinimum: number | undefined): void {
    const waiting = this.#awaitingSoa.filter((rrset) => rrset.ttl === TTL_OF_SOA);
    if (waiting.length === 0) return;
    if (soaMinimum === undefined || soaMinimum > limits.ttlSeconds) {
      const reason =
        soaMinimum === undefined ? 'there is no SOA' : `the SOA's ${soaMinimum} is too high`;
      const text = `no TTL, no $TTL before, and ${reason}; write $TTL on the first line`;
      this.#problems.error('E_ZONE_TTL', text, first.where);
    } else {
      const count = waiting.length === 1 ? 'one RRset has' : `${waiting.length} RRsets have`;
      const text = `${count} no TTL and no $TTL before; the SOA's minimum of ${soaMinimum} counts`;
      this.#problems.warn('E_ZONE_TTL', `${text}, write $TTL on the first line`, first.where);
    }
    for (const rrset of waiting) rrset.ttl = soaMinimum ?? 0;
  }

  #describe(record: Pick<FileRecord, 'owner' | 'type'>): string {
    return `${typeName(record.type)} at ${quoted(relativeName(record.owner, this.origin))}`;
  }
}

function whereOf(record: Pick<FileRecord, 'file' | 'line'>): string {
  return `${record.file}:${record.line}`;
}
