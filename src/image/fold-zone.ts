import type { Steps } from '../base/steps.ts';
import { node as nodeLayout, zoneHeader } from './layout.ts';
import { allocateTable, placeOf, putName } from './name-table.ts';
import type { LargeZone } from './patch-zone.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { segmentFor } from './zone-segment.ts';
import { templateWords } from './zone-template.ts';

/*
 * A version of a large zone, copied out of memory that holds many:
 *
 *   ┌ node │ waste │ template │ waste │ header, pages ┐      what the header leads to
 *   └───────────────────────┬─────────────────────────┘
 *                           ▼
 *   ┌ header, pages │ node, template │ … ┬ room ┐            as if compiled as a whole
 */

/** Entries of the table that are looked at in one step. */
const stepEntries = 256;

/** Copies a version of a zone into memory of its own, in steps; edits may go on meanwhile. */
export function* foldZone(zone: LargeZone): Steps<LargeZone> {
  // Whatever the body grows to, this memory keeps what this version holds.
  const { words } = zone.body;
  const { root } = zone;
  const body = segmentFor(words[root + zoneHeader.nameCount]!);
  body.reserve(zone.wholeWords * 2);
  const fold = new ZoneFold(words, body, allocateTable(body, words[root + zoneHeader.nameCount]!));
  const entries = words[root + zoneHeader.tableMask]! + 1;
  for (let entry = 0; entry < entries; entry += 1) {
    const at = placeOf(words, root, entry);
    if (words[at] !== 0) fold.copyNode(words[at + 1]!);
    if ((entry + 1) % stepEntries === 0) yield;
  }
  for (let entry = 0; entry < fold.entries; entry += 1) {
    fold.moveLinks(entry);
    if ((entry + 1) % stepEntries === 0) yield;
  }
  fold.copyHeader(root);
  return { zone: zone.zone, body, root: fold.root, wholeWords: body.length };
}

class ZoneFold {
  /** Where the header of the copy stands. */
  readonly root: number;
  /** Entries of the copy's table. */
  readonly entries: number;
  readonly #from: Int32Array;
  readonly #to: SegmentWriter;

  constructor(from: Int32Array, to: SegmentWriter, root: number) {
    this.#from = from;
    this.#to = to;
    this.root = root;
    this.entries = to.words[root + zoneHeader.tableMask]! + 1;
  }

  /** Copies a node with its templates; its links still lead to where they led. */
  copyNode(from: number): void {
    const rrsets = this.#from[from + nodeLayout.rrsetCount]!;
    const nameWords = (this.#from[from + nodeLayout.nameBytes]! + 3) >> 2;
    const to = this.#copy(from, nodeLayout.words + rrsets * 2 + nameWords);
    const end = to + nodeLayout.words + rrsets * 2;
    for (let at = to + nodeLayout.words + 1; at < end; at += 2) {
      const template = this.#copyTemplate(this.#to.words[at]!);
      this.#to.words[at] = template;
    }
    putName(this.#to.words, this.root, this.#from[from + nodeLayout.hash]!, to);
  }

  /** Lets the links of an entry's node lead to the copies. */
  moveLinks(entry: number): void {
    const { words } = this.#to;
    const place = placeOf(words, this.root, entry);
    if (words[place] === 0) return;
    for (const link of [nodeLayout.cover, nodeLayout.wildcard]) {
      const at = words[place + 1]! + link;
      if (words[at] !== 0) words[at] = this.#copyOf(words[at]!);
    }
  }

  copyHeader(from: number): void {
    const negativeTemplate = this.#copyTemplate(this.#from[from + zoneHeader.negativeTemplate]!);
    const { words } = this.#to;
    words[this.root + zoneHeader.negativeTemplate] = negativeTemplate;
    words[this.root + zoneHeader.apexNode] = this.#copyOf(this.#from[from + zoneHeader.apexNode]!);
    words[this.root + zoneHeader.maxLabels] = this.#from[from + zoneHeader.maxLabels]!;
    words[this.root + zoneHeader.originBytes] = this.#from[from + zoneHeader.originBytes]!;
  }

  #copyTemplate(from: number): number {
    return this.#copy(from, templateWords(this.#from, from));
  }

  #copy(from: number, length: number): number {
    const to = this.#to.allocate(length);
    const { words } = this.#to;
    // Below some dozen words a loop is faster than set().
    for (let offset = 0; offset < length; offset += 1) {
      words[to + offset] = this.#from[from + offset]!;
    }
    return to;
  }

  /** The node of the copy that has the same name. */
  #copyOf(node: number): number {
    const { words } = this.#to;
    const hash = this.#from[node + nodeLayout.hash]!;
    const mask = words[this.root + zoneHeader.tableMask]!;
    for (let entry = hash & mask; ; entry = (entry + 1) & mask) {
      const place = placeOf(words, this.root, entry);
      if (words[place] === hash && this.#isSameName(node, words[place + 1]!)) {
        return words[place + 1]!;
      }
      if (words[place + 1] === 0) throw new Error('a node leads to a name that its zone has not');
    }
  }

  #isSameName(from: number, to: number): boolean {
    const { words } = this.#to;
    const nameBytes = this.#from[from + nodeLayout.nameBytes]!;
    if (words[to + nodeLayout.nameBytes] !== nameBytes) return false;
    const nameOf = (memory: Int32Array, node: number) =>
      node + nodeLayout.words + memory[node + nodeLayout.rrsetCount]! * 2;
    const fromAt = nameOf(this.#from, from);
    const toAt = nameOf(words, to);
    for (let word = 0; word < (nameBytes + 3) >> 2; word += 1) {
      if (this.#from[fromAt + word] !== words[toAt + word]) return false;
    }
    return true;
  }
}
