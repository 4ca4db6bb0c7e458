import { letGoOfShared } from '../base/shared-memory.ts';
import type { SlotUpdate } from './image-update.ts';

/** Fewer segments than this stay on their own: an arena lives as long as one of its segments. */
const minSegments = 64;

/** Larger segments stay on their own, octets. */
const maxSegmentBytes = 64 * 1024;

/** Octets of an arena: small enough that a segment which outlives its neighbours holds little. */
const arenaBytes = 1024 * 1024;

/**
 * Puts many small segments side by side into few buffers:
 *
 *   arena  ┌ segment ┬ segment ┬ segment ┬ … ┐   each at a multiple of 8 octets
 *
 * Handing a SharedArrayBuffer to a thread costs some 30 µs, however small it is (bench/scale.ts): ten
 * thousand services of their own took a second, in arenas they take milliseconds.
 */
export function packSegments(updates: readonly SlotUpdate[]): readonly SlotUpdate[] {
  const small = updates.filter(isSmall);
  if (small.length < minSegments) return updates;
  const packed = new Map<SlotUpdate, SlotUpdate>();
  for (let first = 0; first < small.length; ) {
    let bytes = 0;
    let end = first;
    for (; end < small.length; end += 1) {
      const size = (bytesOf(small[end]) + 7) & ~7;
      if (end > first && bytes + size > arenaBytes) break;
      bytes += size;
    }
    packInto(new SharedArrayBuffer(bytes), small.slice(first, end), packed);
    first = end;
  }
  return updates.map((update) => packed.get(update) ?? update);
}

function packInto(
  arena: SharedArrayBuffer,
  updates: readonly SlotUpdate[],
  packed: Map<SlotUpdate, SlotUpdate>,
): void {
  const octets = new Uint8Array(arena);
  let at = 0;
  for (const update of updates) {
    const { slot, segment } = update;
    if (segment === null) continue;
    octets.set(new Uint8Array(segment), at);
    packed.set(update, { slot, segment: arena, at, bytes: segment.byteLength });
    at += (segment.byteLength + 7) & ~7;
  }
  letGoOfShared(arena.byteLength);
}

function isSmall({ segment, at }: SlotUpdate): boolean {
  if (segment === null || at !== undefined) return false;
  return segment.byteLength <= maxSegmentBytes;
}

function bytesOf(update: SlotUpdate | undefined): number {
  return update?.segment?.byteLength ?? 0;
}
