import { limits } from '../base/limits.ts';
import { nameWord, nameWords, RecordArena, rrsetWord, rrsetWords } from './record-arena.ts';
import { RRsetMap } from './rrset-map.ts';
import type { NameKey, RRset } from './zone.ts';

type Node = ReadonlyMap<number, RRset>;

/** The TTL of a STEER without one. */
export const NO_TTL = -2;

/** Stands for a TTL that only the SOA's minimum can give, which may come later in the file. */
export const TTL_OF_SOA = -1;

/** So many names are looked up by comparing with each. */
const fewNames = 16;

/** Nodes that are kept as objects, beyond which those made so far are made anew. */
const keptNodes = 16 * 1024;

/**
 * The names of one version of a zone, packed. For whoever asks it is a Map of Maps of RRsets, whose
 * objects are made on demand; whoever goes through a million names reads the arena.
 *
 *   table   │ hash of a text │ name + 1 │ …   open addressing, half full; undefined for few names
 *   arena   name 0 → name 1 → …  a list, since the names of other zones may stand between
 */
export class PackedNodes implements ReadonlyMap<NameKey, Node> {
  readonly arena: RecordArena;
  /** Types that some name owns. */
  readonly types = new Set<number>();
  size = 0;
  /** The first name in the arena; -1 before there is one. */
  firstName = -1;
  /** RRsets and records in all. */
  rrsets = 0;
  records = 0;
  readonly #origin: NameKey;
  /** What follows a name's text in its key. */
  readonly #tail: string;
  #lastName = -1;
  #table: Int32Array | undefined;
  /** What was looked up is the same object the next time, by which others see that nothing changed. */
  readonly #kept = new Map<number, Node>();
  /** Owners that were written in another case than their keys, by RRset. */
  #owners: Map<number, string> | undefined;
  #hasPlaces = true;

  constructor(origin: NameKey, arena: RecordArena = new RecordArena()) {
    this.#origin = origin;
    this.#tail = origin === '.' ? '.' : `.${origin}`;
    this.arena = arena;
  }

  /** The name of a key; -1 when there is none. */
  find(key: NameKey): number {
    const octets = this.#writeText(key);
    return octets < 0 ? -1 : this.findText(octets, hashText(textScratch, 0, octets));
  }

  /** The name of a key in this zone, made where it is not there yet. */
  nameOf(key: NameKey): number {
    const octets = this.#writeText(key);
    if (octets < 0) throw new Error(`"${key}" is not in "${this.#origin}"`);
    return this.nameOfText(octets, hashText(textScratch, 0, octets));
  }

  /** The same of a text that stands in `textScratch`; `hash` is its `spreadHash`. */
  nameOfText(octets: number, hash: number): number {
    const known = this.findText(octets, hash);
    if (known >= 0) return known;
    const { arena } = this;
    const name = arena.addName(textScratch, octets);
    if (this.#lastName < 0) this.firstName = name;
    else arena.names[this.#lastName * nameWords + nameWord.next] = name;
    this.#lastName = name;
    this.size++;
    if (this.#table !== undefined && this.size * 4 <= this.#table.length) this.#enter(name, hash);
    else if (this.size > fewNames) this.#makeTable(name, hash);
    return name;
  }

  /** True when a name's text is the one in `textScratch`. */
  isText(name: number, octets: number): boolean {
    const { arena } = this;
    if (arena.textBytes(name) !== octets) return false;
    const { bytes } = arena;
    const at = arena.textAt(name);
    for (let index = 0; index < octets; index++) {
      if (bytes[at + index] !== textScratch[index]) return false;
    }
    return true;
  }

  /** True when a name's text ends so, or is it but for the first octet, a dot. */
  endsWith(name: number, end: Uint8Array): boolean {
    const { arena } = this;
    const isWhole = arena.textBytes(name) === end.length - 1;
    if (!isWhole && arena.textBytes(name) < end.length) return false;
    const at = arena.textAt(name) + arena.textBytes(name) - end.length;
    for (let index = end.length - 1; index >= Number(isWhole); index--) {
      if (arena.bytes[at + index] !== end[index]) return false;
    }
    return true;
  }

  /** The RRset of a name by type; -1 when there is none. */
  rrsetOf(name: number, type: number): number {
    const { arena } = this;
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      if (arena.typeOf(rrset) === type) return rrset;
    }
    return -1;
  }

  /** Adds an RRset of a type that its name does not own yet. */
  addRRset(name: number, type: number, ttl: number, file: number, line: number): number {
    this.types.add(type);
    this.rrsets++;
    return this.arena.addRRset(name, type, ttl, file, line);
  }

  addRdata(rrset: number, rdata: Uint8Array, octets = rdata.length): void {
    this.records++;
    this.arena.addRdata(rrset, rdata, octets);
  }

  setTtl(rrset: number, ttl: number): void {
    this.arena.rrsets[rrset * rrsetWords + rrsetWord.ttl] = ttl;
  }

  setOwner(rrset: number, owner: string): void {
    this.#owners ??= new Map();
    this.#owners.set(rrset, owner);
  }

  /** The RRset as an object. */
  rrset(name: number, rrset: number): RRset {
    return new PackedRRset(this, name, rrset);
  }

  ownerOf(name: number, rrset: number): string {
    return this.#owners?.get(rrset) ?? this.keyOf(name);
  }

  keyOf(name: number): NameKey {
    return this.arena.textBytes(name) === 0 ? this.#origin : this.arena.text(name) + this.#tail;
  }

  whereOf(rrset: number): string | undefined {
    if (!this.#hasPlaces) return undefined;
    const at = rrset * rrsetWords;
    const { files, rrsets } = this.arena;
    return `${files[rrsets[at + rrsetWord.file]!]}:${rrsets[at + rrsetWord.line]}`;
  }

  /**
   * Forgets where RRsets were read from: once they are stored they change apart from the file, and a
   * line of it would mislead.
   */
  forgetPlaces(): void {
    this.#hasPlaces = false;
  }

  /** Forgets in which case owners were written, which is not stored. */
  forgetOwners(): void {
    this.#owners = undefined;
  }

  /** What a name owns, as objects. */
  node(name: number): Node {
    const kept = this.#kept.size === 0 ? undefined : this.#kept.get(name);
    if (kept !== undefined) return kept;
    const { arena } = this;
    const first = arena.firstRRset(name);
    const map = new RRsetMap<RRset>(new PackedRRset(this, name, first));
    for (let next = arena.nextRRset(first); next >= 0; next = arena.nextRRset(next)) {
      map.grow(new PackedRRset(this, name, next));
    }
    return map;
  }

  get(key: NameKey): Node | undefined {
    const name = this.find(key);
    if (name < 0) return undefined;
    const node = this.node(name);
    if (this.#kept.size >= keptNodes) this.#kept.clear();
    this.#kept.set(name, node);
    return node;
  }

  has(key: NameKey): boolean {
    return this.find(key) >= 0;
  }

  forEach(
    callback: (node: Node, key: NameKey, map: ReadonlyMap<NameKey, Node>) => void,
    self?: unknown,
  ): void {
    for (const [key, node] of this.entries()) callback.call(self, node, key, this);
  }

  *names(): Generator<number, undefined> {
    for (let name = this.firstName; name >= 0; name = this.arena.nextName(name)) yield name;
  }

  *entries(): MapIterator<[NameKey, Node]> {
    for (const name of this.names()) yield [this.keyOf(name), this.node(name)];
  }

  *keys(): MapIterator<NameKey> {
    for (const name of this.names()) yield this.keyOf(name);
  }

  *values(): MapIterator<Node> {
    for (const name of this.names()) yield this.node(name);
  }

  [Symbol.iterator](): MapIterator<[NameKey, Node]> {
    return this.entries();
  }

  /** Writes a key's text into `textScratch`; its octets, or -1 when it is not in the zone. */
  #writeText(key: NameKey): number {
    if (key === this.#origin) return 0;
    const octets = key.length - this.#tail.length;
    if (octets <= 0 || octets > textScratch.length || !key.endsWith(this.#tail)) return -1;
    for (let index = 0; index < octets; index++) {
      const code = key.charCodeAt(index);
      if (code > 0x7f) return -1;
      textScratch[index] = code;
    }
    return octets;
  }

  /** The name of the text in `textScratch`; -1 when there is none. */
  findText(octets: number, hash: number): number {
    const table = this.#table;
    if (table === undefined) {
      for (let name = this.firstName; name >= 0; name = this.arena.nextName(name)) {
        if (this.isText(name, octets)) return name;
      }
      return -1;
    }
    const mask = table.length - 1;
    for (let at = (hash * 2) & mask; ; at = (at + 2) & mask) {
      const name = table[at + 1]! - 1;
      if (name < 0 || (table[at] === hash && this.isText(name, octets))) return name;
    }
  }

  #enter(name: number, hash: number): void {
    const table = this.#table as Int32Array;
    const mask = table.length - 1;
    let at = (hash * 2) & mask;
    while (table[at + 1] !== 0) at = (at + 2) & mask;
    table[at] = hash;
    table[at + 1] = name + 1;
  }

  #makeTable(added: number, hash: number): void {
    const before = this.#table;
    this.#table = new Int32Array(before === undefined ? fewNames * 8 : before.length * 2);
    const { arena } = this;
    if (before === undefined) {
      for (let name = this.firstName; name >= 0; name = arena.nextName(name)) {
        this.#enter(name, hashText(arena.bytes, arena.textAt(name), arena.textBytes(name)));
      }
      return;
    }
    for (let at = 0; at < before.length; at += 2) {
      if (before[at + 1] !== 0) this.#enter(before[at + 1]! - 1, before[at]!);
    }
    this.#enter(added, hash);
  }
}

/** An RRset of packed nodes: everything in it is made when it is asked for. */
class PackedRRset implements RRset {
  readonly #nodes: PackedNodes;
  readonly #name: number;
  readonly #rrset: number;

  constructor(nodes: PackedNodes, name: number, rrset: number) {
    this.#nodes = nodes;
    this.#name = name;
    this.#rrset = rrset;
  }

  get owner(): string {
    return this.#nodes.ownerOf(this.#name, this.#rrset);
  }

  get type(): number {
    return this.#nodes.arena.typeOf(this.#rrset);
  }

  get ttl(): number | undefined {
    const ttl = this.#nodes.arena.ttlOf(this.#rrset);
    return ttl === NO_TTL ? undefined : ttl;
  }

  get rdatas(): readonly Uint8Array[] {
    const { arena } = this.#nodes;
    const rdatas: Uint8Array[] = [];
    for (let at = arena.firstRdata(this.#rrset); at >= 0; at = arena.nextRdata(at)) {
      rdatas.push(arena.rdata(at));
    }
    return rdatas;
  }

  get where(): string | undefined {
    return this.#nodes.whereOf(this.#rrset);
  }

  forgetPlaces(): void {
    this.#nodes.forgetPlaces();
  }
}

/** Forgets where an RRset and all others of its zone were read from. */
export function forgetPlace(rrset: RRset): void {
  if (rrset instanceof PackedRRset) rrset.forgetPlaces();
}

/** Where a text stands to be looked up or added: the longest name with every octet as `\\DDD`. */
export const textScratch: Uint8Array = new Uint8Array(limits.nameBytes * 4);

/** The hash of an empty text. */
export const emptyTextHash = 0x811c_9dc5 | 0;

/** The hash of a text with one more octet behind it (FNV-1a, G. Fowler, L. Noll, K.-P. Vo). */
export function hashOctet(hash: number, octet: number): number {
  return Math.imul(hash ^ octet, 0x0100_0193);
}

/** The hash by which names are found: spread, since its low bits choose the place. */
function hashText(bytes: Uint8Array, at: number, octets: number): number {
  let hash = emptyTextHash;
  for (let index = at; index < at + octets; index++) hash = hashOctet(hash, bytes[index]!);
  return spreadHash(hash);
}

/** Lets all bits of a text's hash count in its low ones. */
export function spreadHash(hash: number): number {
  const folded = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return folded ^ (folded >>> 13);
}
