import {
  type Layout,
  madeMask,
  type PackedReport,
  unpackTime,
  voteMask,
  wordsPerCheck,
} from './packed-report.ts';

/** Told of one check that an agent has made since its report before, by its place in the layout. */
export type CheckMade = (layout: Layout, place: number, connectMs: number) => void;

/** What differs between an agent's report and the one before. */
export interface Differences {
  /** Checks on which the agent's vote does. */
  readonly checks: Set<string>;
  /** Checks for which only a run under way does. */
  readonly runs: Set<string>;
  /** The places of all these in the layout; undefined when that is another. */
  readonly places: number[] | undefined;
}

/** The bits of word 0 that tell of a run under way. */
const runMask = 0x0000_ff0c;

/**
 * Finds what differs between an agent's report and the one before. `made` is told of each check that
 * was made in between.
 */
export function compareReports(
  before: PackedReport,
  after: PackedReport,
  made: CheckMade | undefined,
): Differences {
  const { layout, words: now } = after;
  const { words: old } = before;
  if (before.layout !== layout) {
    const found = { checks: new Set<string>(), runs: new Set<string>(), places: undefined };
    compareMoved(before, after, made, found);
    return found;
  }
  const found = { checks: new Set<string>(), runs: new Set<string>(), places: [] };
  for (let at = 0; at < now.length; at += wordsPerCheck) {
    const differs = (((old[at] as number) ^ (now[at] as number)) & voteMask) !== 0;
    const isMade = (((old[at + 3] as number) ^ (now[at + 3] as number)) & madeMask) !== 0;
    if (differs || isMade) compareOne(old, at, after, at, made, found);
  }
  return found;
}

/** Of reports on different checks, or on the same in another order. */
function compareMoved(
  before: PackedReport,
  after: PackedReport,
  made: CheckMade | undefined,
  found: Differences,
): void {
  const { ids, places } = after.layout;
  for (let place = 0; place < ids.length; place++) {
    const id = ids[place] as string;
    const oldPlace = before.layout.places.get(id);
    if (oldPlace === undefined) found.checks.add(id);
    else {
      const at = place * wordsPerCheck;
      compareOne(before.words, oldPlace * wordsPerCheck, after, at, made, found);
    }
  }
  for (const id of before.layout.ids) if (!places.has(id)) found.checks.add(id);
}

function compareOne(
  old: Uint32Array,
  oldAt: number,
  { layout, words: now }: PackedReport,
  at: number,
  made: CheckMade | undefined,
  found: Differences,
): void {
  const place = at / wordsPerCheck;
  const differs = ((old[oldAt] as number) ^ (now[at] as number)) & voteMask;
  if ((differs & ~runMask) !== 0) found.checks.add(layout.ids[place] as string);
  else if (differs !== 0) found.runs.add(layout.ids[place] as string);
  if (differs !== 0) found.places?.push(place);
  const isMade = (((old[oldAt + 3] as number) ^ (now[at + 3] as number)) & madeMask) !== 0;
  if (!isMade || made === undefined) return;
  const connectMs = unpackTime((now[at + 2] as number) & 0xffff);
  if (connectMs !== undefined) made(layout, place, connectMs);
}
