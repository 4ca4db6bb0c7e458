import { type PackedReport, unpackTime, voteMask, wordsPerCheck } from './packed-report.ts';

/** Told of one check that an agent has made since its report before. */
export type CheckMade = (check: string, connectMs: number) => void;

/** The bits of word 0 that tell of a run under way. */
const runMask = 0x0000_ff0c;

/**
 * What differs between an agent's report and the one before: checks on which its vote does, and those
 * for which only a run under way does. `made` is told of each check that was made in between.
 */
export function compareReports(
  before: PackedReport,
  after: PackedReport,
  made: CheckMade | undefined,
): { checks: Set<string>; runs: Set<string> } {
  const checks = new Set<string>();
  const runs = new Set<string>();
  const { ids } = after.layout;
  const isSame = before.layout === after.layout;
  const old = before.words;
  const now = after.words;
  for (let place = 0; place < ids.length; place++) {
    const at = place * wordsPerCheck;
    const oldPlace = isSame ? place : (before.layout.places.get(ids[place] ?? '') ?? -1);
    if (oldPlace < 0) {
      checks.add(ids[place] ?? '');
      continue;
    }
    const oldAt = oldPlace * wordsPerCheck;
    const differs = ((old[oldAt] as number) ^ (now[at] as number)) & voteMask;
    const madeOne = (old[oldAt + 3] as number) >>> 16 !== (now[at + 3] as number) >>> 16;
    if (differs === 0 && !madeOne) continue;
    const id = ids[place] ?? '';
    if ((differs & ~runMask) !== 0) checks.add(id);
    else if (differs !== 0) runs.add(id);
    if (!madeOne || made === undefined) continue;
    const connectMs = unpackTime((now[at + 2] as number) & 0xffff);
    if (connectMs !== undefined) made(id, connectMs);
  }
  if (!isSame) for (const id of before.layout.ids) if (!after.layout.places.has(id)) checks.add(id);
  return { checks, runs };
}
