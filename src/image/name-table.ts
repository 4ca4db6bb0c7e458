import { goneNode, pageBits, pageMask, zoneHeader, zoneMagic } from './layout.ts';
import { type SegmentWriter, tableSize } from './segment-writer.ts';

/*
 * The table of a zone's names, by hash, and how its next version shares it:
 *
 *   version 1   header │ directory ──▶ page 0   page 1   page 2   page 3
 *                                        ▲        ▲                 ▲
 *   version 2   header │ directory ──────┴────────┴── page 2' ──────┘
 *
 * Open addressing with linear probing over the pages as if they were one. A version never changes what
 * another may read: it writes its own header and directory, and the pages that differ.
 */

/** Allocates header, directory and empty pages for so many names; returns where the header stands. */
export function allocateTable(segment: SegmentWriter, names: number): number {
  const size = tableSize(names);
  const pages = Math.max(1, size >> pageBits);
  const root = segment.allocate(zoneHeader.words + pages);
  const pageWords = (size / pages) * 2;
  for (let page = 0; page < pages; page += 1) {
    const at = segment.allocate(pageWords);
    segment.words[root + zoneHeader.words + page] = at;
  }
  segment.words[root + zoneHeader.magic] = zoneMagic;
  segment.words[root + zoneHeader.tableMask] = size - 1;
  return root;
}

/** Puts a name that is not in a table that nobody reads yet. */
export function putName(words: Int32Array, root: number, hash: number, node: number): void {
  const mask = words[root + zoneHeader.tableMask]!;
  let entry = hash & mask;
  while (words[placeOf(words, root, entry) + 1] !== 0) entry = (entry + 1) & mask;
  const at = placeOf(words, root, entry);
  words[at] = hash;
  words[at + 1] = node;
  words[root + zoneHeader.entryCount]! += 1;
  words[root + zoneHeader.nameCount]! += 1;
}

/** Where an entry of a table stands. */
export function placeOf(words: Int32Array, root: number, entry: number): number {
  return words[root + zoneHeader.words + (entry >> pageBits)]! + (entry & pageMask) * 2;
}

/** The table of a zone's next version while it is made of the one before, in the same memory. */
export class NextTable {
  /** Where the header of this version stands. */
  readonly root: number;
  readonly #segment: SegmentWriter;
  /** Pages that are of this version, by number; undefined: all of them. */
  readonly #own: Set<number> | undefined;

  /** `additions`: names that will be put at most. */
  constructor(segment: SegmentWriter, before: number, additions: number) {
    const { words } = segment;
    this.#segment = segment;
    const size = words[before + zoneHeader.tableMask]! + 1;
    // Beyond three quarters searches grow long, and a full table would have no end.
    if ((words[before + zoneHeader.entryCount]! + additions) * 4 > size * 3) {
      this.root = copyTable(segment, before, additions);
      return;
    }
    this.#own = new Set();
    const rootWords = zoneHeader.words + Math.max(1, size >> pageBits);
    this.root = segment.allocate(rootWords);
    segment.words.copyWithin(this.root, before, before + rootWords);
  }

  /** Adds a name that is not in it. */
  put(hash: number, node: number): void {
    const entry = this.#find(hash, (at, words) => words[at + 1] === 0 || words[at] === 0);
    const at = this.#ownPlace(entry);
    const { words } = this.#segment;
    if (words[at + 1] === 0) words[this.root + zoneHeader.entryCount]! += 1;
    words[at] = hash;
    words[at + 1] = node;
    words[this.root + zoneHeader.nameCount]! += 1;
  }

  /** Lets a name that is in it with one node lead to another. */
  move(hash: number, from: number, to: number): void {
    const at = this.#ownPlace(this.#find(hash, (place, words) => words[place + 1] === from));
    this.#segment.words[at + 1] = to;
  }

  /** Takes a name away that is in it. */
  remove(hash: number, node: number): void {
    const at = this.#ownPlace(this.#find(hash, (place, words) => words[place + 1] === node));
    const { words } = this.#segment;
    words[at] = 0;
    words[at + 1] = goneNode;
    words[this.root + zoneHeader.nameCount]! -= 1;
  }

  /** The first entry from where a hash belongs that is looked for; there must be one. */
  #find(hash: number, isIt: (at: number, words: Int32Array) => boolean): number {
    const { words } = this.#segment;
    const mask = words[this.root + zoneHeader.tableMask]!;
    let entry = hash & mask;
    while (!isIt(placeOf(words, this.root, entry), words)) entry = (entry + 1) & mask;
    return entry;
  }

  /** Where an entry stands, on a page of this version. */
  #ownPlace(entry: number): number {
    const page = entry >> pageBits;
    if (this.#own !== undefined && !this.#own.has(page)) {
      this.#own.add(page);
      const pageWords = Math.min(pageMask, this.#segment.words[this.root + zoneHeader.tableMask]!);
      const copy = this.#segment.allocate((pageWords + 1) * 2);
      const { words } = this.#segment;
      const at = this.root + zoneHeader.words + page;
      words.copyWithin(copy, words[at]!, words[at]! + (pageWords + 1) * 2);
      words[at] = copy;
    }
    return placeOf(this.#segment.words, this.root, entry);
  }
}

/** A table with the names of another and room for more, all of it written anew. */
function copyTable(segment: SegmentWriter, before: number, additions: number): number {
  const root = allocateTable(segment, segment.words[before + zoneHeader.nameCount]! + additions);
  const { words } = segment;
  for (const field of ['maxLabels', 'apexNode', 'negativeTemplate', 'originBytes'] as const) {
    words[root + zoneHeader[field]] = words[before + zoneHeader[field]]!;
  }
  const size = words[before + zoneHeader.tableMask]! + 1;
  for (let entry = 0; entry < size; entry += 1) {
    const at = placeOf(words, before, entry);
    const hash = words[at]!;
    if (hash !== 0) putName(words, root, hash, words[at + 1]!);
  }
  return root;
}
