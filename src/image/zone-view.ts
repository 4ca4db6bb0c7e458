import {
  indexEntry,
  indexHeader,
  indexMagic,
  node as nodeLayout,
  pageBits,
  pageMask,
  zoneHeader,
  zoneMagic,
} from './layout.ts';
import { hashName, type LookupName, littleEndian } from './zone-name.ts';

/** A zone segment opened for reading. Offsets of nodes and templates are words, and never 0. */
export interface ZoneView {
  readonly words: Int32Array;
  /** The same memory, for the bodies of templates, which are bytes. */
  readonly bytes: Uint8Array;
  readonly tableMask: number;
  /** Where the directory of the table's pages begins. */
  readonly directory: number;
  /** Where the table's first page begins, the only one of most zones. */
  readonly firstPage: number;
  readonly nameCount: number;
  readonly maxLabels: number;
  readonly apexNode: number;
  readonly negativeTemplate: number;
  /** Octets of the origin. */
  readonly originBytes: number;
}

/**
 * Opens a segment that `compileZone` made; `root` is the word where its header stands. Throws on
 * anything else, which is a bug.
 */
export function openZone(
  segment: SharedArrayBuffer,
  at = 0,
  bytes = segment.byteLength - at,
  root = 0,
): ZoneView {
  const words = new Int32Array(segment, at, bytes >> 2);
  if (words[root + zoneHeader.magic] !== zoneMagic) throw new Error('not a zone segment');
  return viewZone(words, new Uint8Array(segment, at, bytes), root);
}

/** The view of a zone by the memory that it is in, as words and as bytes. */
export function viewZone(words: Int32Array, bytes: Uint8Array, root: number): ZoneView {
  return {
    words,
    bytes,
    tableMask: words[root + zoneHeader.tableMask]!,
    directory: root + zoneHeader.words,
    firstPage: words[root + zoneHeader.words]!,
    nameCount: words[root + zoneHeader.nameCount]!,
    maxLabels: words[root + zoneHeader.maxLabels]!,
    apexNode: words[root + zoneHeader.apexNode]!,
    negativeTemplate: words[root + zoneHeader.negativeTemplate]!,
    originBytes: words[root + zoneHeader.originBytes]!,
  };
}

/** Finds the node of a name from its label number `label` on; 0 when the zone has no such name. */
export function findNode(zone: ZoneView, name: LookupName, label: number): number {
  const { words, tableMask, directory, firstPage } = zone;
  const from = name.labelAt[label]!;
  const nameBytes = name.nameBytes - from;
  const hash = hashName(name.view, from, nameBytes);
  for (let entry = hash & tableMask; ; entry = (entry + 1) & tableMask) {
    const page = tableMask > pageMask ? words[directory + (entry >> pageBits)]! : firstPage;
    const at = page + (entry & pageMask) * 2;
    const node = words[at + 1]!;
    if (node === 0) return 0;
    if (words[at] !== hash || words[node + nodeLayout.nameBytes] !== nameBytes) continue;
    const nameAt = node + nodeLayout.words + words[node + nodeLayout.rrsetCount]! * 2;
    if (sameWords(words, nameAt, name.view, from, nameBytes)) return node;
  }
}

/**
 * Finds the node of the closest encloser of a name that itself does not exist (RFC 4592 §3.3.1).
 * The name must lie below the zone's apex.
 */
export function findClosestEncloser(zone: ZoneView, name: LookupName): number {
  // Names deeper than the deepest are not there, so the walk is as long as the zone is deep.
  let label = Math.max(1, name.labels - zone.maxLabels);
  for (; name.nameBytes - name.labelAt[label]! > zone.originBytes; label += 1) {
    const node = findNode(zone, name, label);
    if (node !== 0) return node;
  }
  return zone.apexNode;
}

/** The template of a type at a node; 0 when the node has none. */
export function findTemplate(zone: ZoneView, node: number, type: number): number {
  const { words } = zone;
  const start = node + nodeLayout.words;
  const end = start + words[node + nodeLayout.rrsetCount]! * 2;
  for (let at = start; at < end; at += 2) {
    if (words[at] === type) return words[at + 1]!;
  }
  return 0;
}

/** The zone index opened for reading. */
export interface ZoneIndexView {
  readonly words: Int32Array;
  readonly tableMask: number;
  readonly tableStart: number;
  readonly zoneCount: number;
  readonly minLabels: number;
  readonly maxLabels: number;
}

/** Opens a segment that `compileZoneIndex` made; throws on anything else, which is a bug. */
export function openZoneIndex(segment: SharedArrayBuffer): ZoneIndexView {
  const words = new Int32Array(segment);
  if (words[indexHeader.magic] !== indexMagic) throw new Error('not a zone index');
  return {
    words,
    tableMask: words[indexHeader.tableMask]!,
    tableStart: words[indexHeader.tableStart]!,
    zoneCount: words[indexHeader.zoneCount]!,
    minLabels: words[indexHeader.minLabels]!,
    maxLabels: words[indexHeader.maxLabels]!,
  };
}

/**
 * Slot of the longest zone that holds the name; -1 when none does. With `parentSide` a zone whose
 * apex is the name itself comes last: DS belongs to the parent (RFC 4035 §3.1.4.1).
 */
export function findZoneSlot(index: ZoneIndexView, name: LookupName, parentSide: boolean): number {
  const last = name.labels - index.minLabels;
  let atApex = -1;
  for (let label = Math.max(0, name.labels - index.maxLabels); label <= last; label += 1) {
    const slot = findSlot(index, name, label);
    if (slot < 0) continue;
    if (label > 0 || !parentSide) return slot;
    atApex = slot;
  }
  return atApex;
}

function findSlot(index: ZoneIndexView, name: LookupName, label: number): number {
  const { words, tableMask, tableStart } = index;
  const from = name.labelAt[label]!;
  const nameBytes = name.nameBytes - from;
  const hash = hashName(name.view, from, nameBytes);
  for (let place = hash & tableMask; ; place = (place + 1) & tableMask) {
    const at = tableStart + place * 2;
    const entry = words[at + 1]!;
    if (entry === 0) return -1;
    if (words[at] !== hash || words[entry + indexEntry.nameBytes] !== nameBytes) continue;
    if (sameWords(words, entry + indexEntry.words, name.view, from, nameBytes)) {
      return words[entry + indexEntry.slot]!;
    }
  }
}

function sameWords(
  words: Int32Array,
  wordAt: number,
  view: DataView,
  from: number,
  nameBytes: number,
): boolean {
  for (let offset = 0; offset < nameBytes; offset += 4) {
    if (words[wordAt + (offset >> 2)] !== view.getInt32(from + offset, littleEndian)) return false;
  }
  return true;
}
