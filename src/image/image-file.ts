import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorText } from '../base/errors.ts';
import type { ImageUpdate, SlotUpdate } from './image-update.ts';

/*
 * A saved image:
 *
 *   ┌ "MRDNIMG2" │ octets of the header (uint32) │ SHA-256 of all that follows ┐
 *   │ header: JSON                                                             │
 *   │ buffer │ buffer │ buffer │ …   as they stand in memory                    │
 *   └──────────────────────────────────────────────────────────────────────────┘
 *
 * Segments are in the machine's own form, so that a file is only good for the program that wrote it.
 */

const magic = 'MRDNIMG2';
const preambleBytes = 8 + 4 + 32;

/** Written and hashed at once, so that nothing else waits long. */
const chunkBytes = 4 * 1024 * 1024;

/** A slot, the number of its buffer, where in it the segment stands (octets), and the word of its root. */
type SavedSlot = readonly [slot: number, buffer: number, at: number, bytes: number, root: number];

interface Header {
  /** The program that wrote it. */
  readonly program: string;
  readonly revision: number;
  /** The hash that chains the revision to all before it: equal numbers of two histories differ here. */
  readonly history: string;
  /** Octets of each buffer, up to the end of its last segment. */
  readonly buffers: readonly number[];
  /** Number of the zone index's buffer. */
  readonly zoneIndex: number;
  readonly zones: readonly SavedSlot[];
  readonly services: readonly SavedSlot[];
  readonly maps: readonly SavedSlot[];
}

/** Which image a file holds. */
export interface ImageLabel {
  readonly revision: number;
  /** Chain hash of the revision. */
  readonly history: string;
}

/**
 * Saves a whole image: written beside, synced, then renamed, so that the file is always whole. Those
 * that were there before move on along `older`, and the last of them goes away. Throws what the file
 * system throws; `image` must have a zone index and no patches.
 */
export async function writeImageFile(
  path: string,
  program: string,
  history: string,
  image: ImageUpdate,
  older: readonly string[] = [],
): Promise<void> {
  const buffers = new Map<SharedArrayBuffer, { readonly number: number; usedBytes: number }>();
  const numberOf = (buffer: SharedArrayBuffer, end: number): number => {
    const known = buffers.get(buffer) ?? { number: buffers.size, usedBytes: 0 };
    // What is behind the segments may be room that is being written to.
    known.usedBytes = Math.max(known.usedBytes, end);
    buffers.set(buffer, known);
    return known.number;
  };
  const slots = (updates: readonly SlotUpdate[]): SavedSlot[] =>
    updates.flatMap(({ slot, segment, at = 0, bytes, root = 0 }) => {
      if (segment === null) return [];
      const length = bytes ?? segment.byteLength - at;
      return [[slot, numberOf(segment, at + length), at, length, root]];
    });
  if (image.zoneIndex === undefined) throw new Error('an image without a zone index is not saved');
  const content = {
    program,
    history,
    revision: image.revision,
    zoneIndex: numberOf(image.zoneIndex, image.zoneIndex.byteLength),
    zones: slots(image.zones),
    services: slots(image.services),
    maps: slots(image.maps),
  };
  const parts = [...buffers].map(([buffer, { usedBytes }]) => new Uint8Array(buffer, 0, usedBytes));
  const sizes = parts.map((part) => part.length);
  const header = Buffer.from(JSON.stringify({ ...content, buffers: sizes } satisfies Header));
  const beside = `${path}.new`;
  const file = await open(beside, 'w', 0o600);
  try {
    const hash = createHash('sha256');
    let position = preambleBytes;
    for (const part of [header, ...parts]) {
      for (let from = 0; from < part.length; from += chunkBytes) {
        const chunk = part.subarray(from, from + chunkBytes);
        hash.update(chunk);
        await file.write(chunk, 0, chunk.length, position);
        position += chunk.length;
      }
    }
    const preamble = Buffer.alloc(preambleBytes);
    preamble.write(magic, 'latin1');
    preamble.writeUInt32LE(header.length, 8);
    hash.digest().copy(preamble, 12);
    await file.write(preamble, 0, preambleBytes, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  // The oldest first: whatever ends the process between, no image is lost but that one.
  const paths = [path, ...older];
  for (let place = older.length; place > 0; place -= 1) {
    await rename(paths[place - 1] ?? '', paths[place] ?? '').catch(ignoreAbsence);
  }
  await rename(beside, path);
  syncFolder(dirname(path));
}

function ignoreAbsence(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

/**
 * Reads a saved image of this program that is wanted. A text says why there is none: another revision
 * or program, a file that is cut short or damaged, or no file.
 */
export function readImageFile(
  path: string,
  program: string,
  isWanted: (label: ImageLabel) => boolean,
): ImageUpdate | string {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    return errorText(error);
  }
  try {
    return readImage(file, program, isWanted);
  } catch (error) {
    return errorText(error);
  } finally {
    closeSync(file);
  }
}

function readImage(
  file: number,
  program: string,
  isWanted: (label: ImageLabel) => boolean,
): ImageUpdate | string {
  const hash = createHash('sha256');
  const preamble = fill(file, new Uint8Array(preambleBytes));
  const head = Buffer.from(preamble.buffer);
  if (head.toString('latin1', 0, 8) !== magic) return 'it is no saved image';
  const text = fill(file, new Uint8Array(head.readUInt32LE(8)));
  hash.update(text);
  const header = JSON.parse(Buffer.from(text).toString()) as Header;
  if (header.program !== program) return `it was written by ${header.program}`;
  const { revision, history } = header;
  if (!isWanted({ revision, history })) return `it is of revision ${revision}, ${history}`;
  const buffers = header.buffers.map((bytes) => {
    const buffer = new SharedArrayBuffer(bytes);
    hash.update(fill(file, new Uint8Array(buffer)));
    return buffer;
  });
  if (!hash.digest().equals(head.subarray(12))) return 'its checksum is wrong';
  const bufferOf = (number: number): SharedArrayBuffer => {
    const buffer = buffers[number];
    if (buffer === undefined) throw new Error(`it has no buffer ${number}`);
    return buffer;
  };
  const slots = (saved: readonly SavedSlot[]): SlotUpdate[] =>
    saved.map(([slot, number, at, bytes, root]) => ({
      ...{ slot, segment: bufferOf(number), at, bytes },
      ...(root === 0 ? {} : { root }),
    }));
  return {
    epoch: 1,
    revision,
    zoneIndex: bufferOf(header.zoneIndex),
    zones: slots(header.zones),
    services: slots(header.services),
    maps: slots(header.maps),
  };
}

function fill<Octets extends Uint8Array>(file: number, octets: Octets): Octets {
  for (let at = 0; at < octets.length; ) {
    const length = Math.min(octets.length - at, 1 << 30);
    const read = readSync(file, octets, at, length, null);
    if (read === 0) throw new Error('it is cut short');
    at += read;
  }
  return octets;
}

/** Makes a rename durable. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
