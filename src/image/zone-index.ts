import { MeridianError } from '../base/errors.ts';
import { parseName } from '../wire/names.ts';
import type { RdataError } from '../wire/types.ts';
import type { NameKey } from '../zone/zone.ts';
import { indexEntry, indexHeader, indexMagic } from './layout.ts';
import { putIntoTable, SegmentWriter, tableSize } from './segment-writer.ts';
import { hashName, LookupName, readLookupName } from './zone-name.ts';

/** Compiles the table that finds a zone's slot by its apex; slots are 0 or more. */
export function compileZoneIndex(entries: Iterable<[NameKey, number]>): SharedArrayBuffer {
  const list = [...entries];
  const segment = new SegmentWriter();
  segment.allocate(indexHeader.words);
  const size = tableSize(list.length);
  const tableStart = segment.allocate(size * 2);
  let minLabels = 128;
  let maxLabels = 0;
  for (const [origin, slot] of list) {
    const name = lookupNameOf(origin);
    const nameWords = (name.nameBytes + 3) >> 2;
    const at = segment.allocate(indexEntry.words + nameWords);
    segment.words[at + indexEntry.slot] = slot;
    segment.words[at + indexEntry.nameBytes] = name.nameBytes;
    segment.bytes.set(name.bytes.subarray(0, name.nameBytes), (at + indexEntry.words) * 4);
    const hash = hashName(name.view, 0, name.nameBytes);
    putIntoTable(segment.words, tableStart, size - 1, hash, at);
    minLabels = Math.min(minLabels, name.labels);
    maxLabels = Math.max(maxLabels, name.labels);
  }
  const { words } = segment;
  words[indexHeader.magic] = indexMagic;
  words[indexHeader.tableMask] = size - 1;
  words[indexHeader.tableStart] = tableStart;
  words[indexHeader.zoneCount] = list.length;
  words[indexHeader.minLabels] = minLabels;
  words[indexHeader.maxLabels] = maxLabels;
  return segment.finish();
}

/** Reads a name of the control plane as the data plane sees it. Throws on a malformed one. */
export function lookupNameOf(key: NameKey): LookupName {
  return lookupNameOfWire(nameBytesOf(key));
}

/** Reads a wire name as the data plane sees it. */
export function lookupNameOfWire(bytes: Uint8Array): LookupName {
  const padded = new Uint8Array(bytes.length + 3);
  padded.set(bytes);
  const name = new LookupName();
  readLookupName(name, new DataView(padded.buffer), 0, bytes.length);
  return name;
}

/** The wire form of an absolute name. Throws on a malformed one, which is the caller's bug. */
export function nameBytesOf(name: string): Uint8Array {
  const bytes: Uint8Array | RdataError = parseName(name);
  if (bytes instanceof Uint8Array) return bytes;
  throw new MeridianError(bytes);
}
