import { limits } from '../base/limits.ts';
import type { Steps } from '../base/steps.ts';
import { rrClasses, rrTypes } from '../wire/types.ts';
import { PackedNodes } from '../zone/packed-nodes.ts';
import { rdataHeadBytes } from '../zone/record-arena.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { nodeFlags, node as nodeLayout, ownerAt, template as templateLayout } from './layout.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { nameBytesOf } from './zone-index.ts';
import { hashName } from './zone-name.ts';
import { type NameDraft, noRrsets } from './zone-names.ts';

/** Types whose records stand in an answer as they are, and that say nothing of other names. */
const plainTypes: ReadonlySet<number> = new Set([
  rrTypes.A,
  rrTypes.CNAME,
  rrTypes.TXT,
  rrTypes.AAAA,
  rrTypes.SSHFP,
  rrTypes.TLSA,
  rrTypes.CAA,
]);

/** What a record takes in a template besides its data: pointer, type, class, TTL and length. */
const recordHeadBytes = 12;

/** Longer RRsets are left to others. */
const mostRdataBytes = 8192;

/** Names that are written in one step. */
const stepNames = 1000;

const DOT = 0x2e;
const STAR = 0x2a;
const BACKSLASH = 0x5c;

/**
 * The names of a packed zone that answer for themselves alone: no zone cut, DNAME, wildcard or service
 * has to do with them. Their nodes and templates are written straight from the arena, at a fifth of
 * what it costs to draft a name and the content of its answers (bench/loading.ts).
 */
export class PlainNames {
  readonly #nodes: PackedNodes;
  /** Names that are not plain. */
  readonly #others = new Set<number>();
  /** The wire name being written, zeros behind it. */
  readonly #wire = new Uint8Array(limits.nameBytes + 9);
  readonly #wireView = new DataView(this.#wire.buffer);
  readonly #originWire: Uint8Array;
  readonly #originLabels: number;
  #nameBytes = 0;
  #labels = 0;

  private constructor(origin: NameKey, nodes: PackedNodes) {
    this.#nodes = nodes;
    this.#originWire = nameBytesOf(origin);
    let labels = 0;
    for (let at = 0; this.#originWire[at] !== 0; at += 1 + this.#originWire[at]!) labels += 1;
    this.#originLabels = labels;
  }

  /** Undefined for a zone in which no name is known to be plain. */
  static of({ origin, nodes }: Zone): PlainNames | undefined {
    if (!(nodes instanceof PackedNodes) || nodes.types.has(rrTypes.DNAME)) return undefined;
    const names = new PlainNames(origin, nodes);
    if (!names.#findOthers()) return undefined;
    // Where most are drafted anyway, looking each of them up costs more than is gained.
    return names.#others.size * 2 > nodes.size ? undefined : names;
  }

  /** How many are plain. */
  get size(): number {
    return this.#nodes.size - this.#others.size;
  }

  /** The names that are to be drafted, those included that own nothing but have names below them. */
  *others(): Generator<[NameKey, ReadonlyMap<number, RRset>], undefined> {
    for (const name of this.#others) yield [this.#nodes.keyOf(name), this.#nodes.node(name)];
    yield* this.#emptyParents();
  }

  /** Takes further names out, for having been drafted. */
  leaveOut(keys: Iterable<NameKey>): void {
    for (const key of keys) {
      const name = this.#nodes.find(key);
      if (name >= 0) this.#others.add(name);
    }
  }

  /** A draft of a plain name, for templates of others that hold its addresses. */
  draft(key: NameKey): NameDraft | undefined {
    const name = this.#nodes.find(key);
    if (name < 0) return undefined;
    const wire = nameBytesOf(key);
    const rrsets = this.#nodes.node(name);
    return {
      ...{ wire, labels: 0, rrsets, isCut: false },
      ...{ cover: undefined, wildcard: undefined, node: 0 },
    };
  }

  /** Writes them all, in steps, and tells `put` where each node is; returns the labels of the deepest. */
  *write(segment: SegmentWriter, put: (hash: number, node: number) => void): Steps<number> {
    const { arena, firstName } = this.#nodes;
    let maxLabels = 0;
    let written = 0;
    for (let name = firstName; name >= 0; name = arena.nextName(name)) {
      if (this.#others.has(name)) continue;
      this.#readName(name);
      maxLabels = Math.max(maxLabels, this.#labels);
      const hash = hashName(this.#wireView, 0, this.#nameBytes);
      put(hash, this.#writeNode(segment, name, hash));
      written += 1;
      if (written % stepNames === 0) yield;
    }
    return maxLabels;
  }

  /** Finds what is not plain; false when there is a zone cut, below which nothing is. */
  #findOthers(): boolean {
    const { arena, firstName, types } = this.#nodes;
    const areAllPlain = [...types].every((type) => plainTypes.has(type));
    for (let name = firstName; name >= 0; name = arena.nextName(name)) {
      const isApex = arena.textBytes(name) === 0;
      let isPlain = !isApex && this.#isPlainText(name);
      for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
        const type = arena.typeOf(rrset);
        if (type === rrTypes.NS && !isApex) return false;
        isPlain &&= (areAllPlain || plainTypes.has(type)) && this.#isShort(rrset);
      }
      if (!isPlain) this.#others.add(name);
    }
    return true;
  }

  #isShort(rrset: number): boolean {
    const { arena } = this.#nodes;
    let octets = 0;
    for (let at = arena.firstRdata(rrset); at >= 0; at = arena.nextRdata(at)) {
      octets += recordHeadBytes + arena.rdataBytes(at);
    }
    return octets <= mostRdataBytes;
  }

  /** False for wildcards and for names with escapes. */
  #isPlainText(name: number): boolean {
    const { arena } = this.#nodes;
    const { bytes } = arena;
    const from = arena.textAt(name);
    const end = from + arena.textBytes(name);
    if (bytes[from] === STAR && (from + 1 === end || bytes[from + 1] === DOT)) return false;
    for (let at = from; at < end; at++) if (bytes[at] === BACKSLASH) return false;
    return true;
  }

  /** The names directly above others that own nothing. */
  *#emptyParents(): Generator<[NameKey, ReadonlyMap<number, RRset>], undefined> {
    const { arena, firstName } = this.#nodes;
    const { bytes } = arena;
    // Siblings mostly follow each other, and have the parent of the last in common.
    let lastAt = 0;
    let lastOctets = 0;
    for (let name = firstName; name >= 0; name = arena.nextName(name)) {
      const end = arena.textAt(name) + arena.textBytes(name);
      let at = arena.textAt(name);
      while (at < end && bytes[at] !== DOT) at++;
      if (at === end || this.#others.has(name)) continue;
      const octets = end - at;
      let same = 0;
      if (octets === lastOctets)
        while (same < octets && bytes[at + same] === bytes[lastAt + same]) same++;
      if (same === octets) continue;
      lastAt = at;
      lastOctets = octets;
      const key = this.#nodes.keyOf(name).slice(at + 1 - arena.textAt(name));
      if (!this.#nodes.has(key)) yield [key, noRrsets];
    }
  }

  /** Writes a name's wire form into `#wire`. */
  #readName(name: number): void {
    const { arena } = this.#nodes;
    const { bytes } = arena;
    const wire = this.#wire;
    const from = arena.textAt(name);
    const octets = arena.textBytes(name);
    let labelAt = 0;
    let labels = 1;
    for (let index = 0; index < octets; index++) {
      const octet = bytes[from + index]!;
      if (octet === DOT) {
        wire[labelAt] = index - labelAt;
        labelAt = index + 1;
        labels++;
      } else {
        wire[index + 1] = octet;
      }
    }
    wire[labelAt] = octets - labelAt;
    const origin = this.#originWire;
    for (let index = 0; index < origin.length; index++) wire[octets + 1 + index] = origin[index]!;
    this.#nameBytes = octets + 1 + origin.length;
    this.#wireView.setInt32(this.#nameBytes, 0);
    this.#labels = labels + this.#originLabels;
  }

  #writeNode(segment: SegmentWriter, name: number, hash: number): number {
    const { arena } = this.#nodes;
    let count = 0;
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) count++;
    const nameWords = (this.#nameBytes + 3) >> 2;
    const at = segment.allocate(nodeLayout.words + count * 2 + nameWords);
    let flags = 0;
    let entries = 0;
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      const type = arena.typeOf(rrset);
      if (type === rrTypes.CNAME) flags = nodeFlags.cname;
      const template = this.#writeTemplate(segment, rrset, type);
      putInOrder(segment.words, at + nodeLayout.words, entries++, type, template);
    }
    const { words, bytes } = segment;
    words[at + nodeLayout.hash] = hash;
    words[at + nodeLayout.nameBytes] = this.#nameBytes;
    words[at + nodeLayout.flags] = flags;
    words[at + nodeLayout.service] = -1;
    words[at + nodeLayout.steerTtlSeconds] = -1;
    words[at + nodeLayout.rrsetCount] = count;
    const nameAt = (at + nodeLayout.words + count * 2) * 4;
    for (let index = 0; index < this.#nameBytes; index++)
      bytes[nameAt + index] = this.#wire[index]!;
    return at;
  }

  /** As `TemplateCompiler` does: each owner a pointer to the name that is asked. */
  #writeTemplate(segment: SegmentWriter, rrset: number, type: number): number {
    const { arena } = this.#nodes;
    let records = 0;
    let octets = 0;
    for (let at = arena.firstRdata(rrset); at >= 0; at = arena.nextRdata(at)) {
      records++;
      octets += recordHeadBytes + arena.rdataBytes(at);
    }
    const at = segment.allocate(templateLayout.words + records + ((octets + 3) >> 2));
    const { words, bytes } = segment;
    words[at + templateLayout.sections] = records;
    words[at + templateLayout.coreBytes] = octets;
    words[at + templateLayout.requiredBytes] = octets;
    words[at + templateLayout.ownerBytes] = this.#nameBytes;
    words[at + templateLayout.fixupCount] = records;
    const bodyAt = (at + templateLayout.words + records) * 4;
    const ttl = Math.max(0, arena.ttlOf(rrset));
    let to = bodyAt;
    let fixup = at + templateLayout.words;
    for (let rdata = arena.firstRdata(rrset); rdata >= 0; rdata = arena.nextRdata(rdata)) {
      const size = arena.rdataBytes(rdata);
      words[fixup++] = to - bodyAt;
      bytes[to] = 0xc0;
      bytes[to + 1] = ownerAt;
      bytes[to + 2] = type >> 8;
      bytes[to + 3] = type;
      bytes[to + 5] = rrClasses.IN;
      bytes[to + 6] = ttl >>> 24;
      bytes[to + 7] = ttl >>> 16;
      bytes[to + 8] = ttl >>> 8;
      bytes[to + 9] = ttl;
      bytes[to + 10] = size >> 8;
      bytes[to + 11] = size;
      to += recordHeadBytes;
      const from = rdata + rdataHeadBytes;
      for (let index = 0; index < size; index++) bytes[to + index] = arena.bytes[from + index]!;
      to += size;
    }
    return at;
  }
}

/** Puts an entry into a directory of so many that is sorted by type. */
function putInOrder(
  words: Int32Array,
  directoryAt: number,
  entries: number,
  type: number,
  template: number,
): void {
  let at = directoryAt + entries * 2;
  for (; at > directoryAt && words[at - 2]! > type; at -= 2) {
    words[at] = words[at - 2]!;
    words[at + 1] = words[at - 1]!;
  }
  words[at] = type;
  words[at + 1] = template;
}
