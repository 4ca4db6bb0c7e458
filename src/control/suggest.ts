import { editDistance } from '../base/edit-distance.ts';

/** The candidate closest to a mistyped text, if any is close enough to be meant; else undefined. */
export function suggest(text: string, candidates: Iterable<string>): string | undefined {
  const wanted = text.toLowerCase();
  // One slip in short words, a third of the letters in long ones.
  let best = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  let found: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= best) continue;
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

/** ` Did you mean "x"?`, or how many there are to choose from; begins with a space. */
export function hint(text: string, candidates: readonly string[]): string {
  const close = suggest(text, candidates);
  if (close !== undefined) return ` (did you mean "${close}"?)`;
  if (candidates.length === 0) return ' (there are none)';
  const shown = candidates.slice(0, 12).join(', ');
  return candidates.length > 12 ? ` (known: ${shown}, …)` : ` (known: ${shown})`;
}
