import { letGoOfShared } from '../base/shared-memory.ts';
import type { SlotUpdate } from './image-update.ts';

/** A segment of which only the size is known yet. */
export interface UnwrittenSegment {
  /** Octets; a multiple of 4. */
  readonly bytes: number;
  /** Writes it to where it begins in a buffer, which is given as words. */
  writeTo(words: Int32Array, atWord: number): void;
}

/** A version of what shares its memory with other versions. */
export interface SharedSegment {
  readonly segment: SharedArrayBuffer;
  /** Octets that it may read. */
  readonly bytes: number;
  /** The word where its header stands. */
  readonly root: number;
}

/** What stands in a slot from now on: a segment, one to be written, a version, or nothing. */
export type SlotContent = SharedArrayBuffer | UnwrittenSegment | SharedSegment | null;

/** Fewer segments than this stay on their own: an arena lives as long as one of its segments. */
const minSegments = 64;

/** Larger segments stay on their own, octets. */
const maxSegmentBytes = 64 * 1024;

/** Octets of an arena: small enough that a segment which outlives its neighbours holds little. */
const arenaBytes = 1024 * 1024;

/**
 * Says what stands in slots, with many small segments side by side in few buffers:
 *
 *   arena  ┌ segment ┬ segment ┬ segment ┬ … ┐   each at a multiple of 8 octets
 *
 * Making a SharedArrayBuffer or handing one to a thread costs some 10 to 30 µs, however small it is
 * (bench/scale.ts): ten thousand services of their own took a second, in arenas they take milliseconds.
 */
export function packSegments(slots: ReadonlyMap<number, SlotContent>): readonly SlotUpdate[] {
  let small = 0;
  for (const content of slots.values()) if (isSmall(content)) small += 1;
  const updates: SlotUpdate[] = [];
  const inArenas: (readonly [number, SharedArrayBuffer | UnwrittenSegment])[] = [];
  for (const [slot, content] of slots) {
    if (small >= minSegments && isSmall(content)) inArenas.push([slot, content]);
    else if (isShared(content)) updates.push({ slot, at: 0, ...content });
    else updates.push({ slot, segment: ofItsOwn(content) });
  }
  for (let first = 0; first < inArenas.length; ) {
    let bytes = 0;
    let end = first;
    for (; end < inArenas.length; end += 1) {
      const size = paddedBytes(inArenas[end]![1]);
      if (end > first && bytes + size > arenaBytes) break;
      bytes += size;
    }
    fillArena(new SharedArrayBuffer(bytes), inArenas.slice(first, end), updates);
    first = end;
  }
  return updates;
}

function fillArena(
  arena: SharedArrayBuffer,
  contents: readonly (readonly [number, SharedArrayBuffer | UnwrittenSegment])[],
  updates: SlotUpdate[],
): void {
  const words = new Int32Array(arena);
  let at = 0;
  let copiedBytes = 0;
  for (const [slot, content] of contents) {
    if (content instanceof SharedArrayBuffer) {
      new Uint8Array(arena).set(new Uint8Array(content), at);
      copiedBytes += content.byteLength;
    } else {
      content.writeTo(words, at >> 2);
    }
    updates.push({ slot, segment: arena, at, bytes: bytesOf(content) });
    at += paddedBytes(content);
  }
  letGoOfShared(copiedBytes);
}

function ofItsOwn(content: Exclude<SlotContent, SharedSegment>): SharedArrayBuffer | null {
  if (content === null || content instanceof SharedArrayBuffer) return content;
  const segment = new SharedArrayBuffer(content.bytes);
  content.writeTo(new Int32Array(segment), 0);
  return segment;
}

function isSmall(content: SlotContent): content is SharedArrayBuffer | UnwrittenSegment {
  return content !== null && !isShared(content) && bytesOf(content) <= maxSegmentBytes;
}

function isShared(content: SlotContent): content is SharedSegment {
  return content !== null && 'root' in content;
}

function bytesOf(content: SharedArrayBuffer | UnwrittenSegment): number {
  return content instanceof SharedArrayBuffer ? content.byteLength : content.bytes;
}

function paddedBytes(content: SharedArrayBuffer | UnwrittenSegment): number {
  return (bytesOf(content) + 7) & ~7;
}
