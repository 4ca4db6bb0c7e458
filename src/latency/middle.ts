/** A value with its weight, above 0. */
export interface Weighted {
  readonly value: number;
  readonly weight: number;
}

/** The middle is this share of all weight. */
const middleShare = 0.2;

/**
 * The weighted mean of the middle fifth of the weight: a median that moves without jumps as values and
 * weights do. Who holds less than two fifths of the weight at one end has no say; of three equal ones
 * it is the middle one, whatever a third says. Not a number for none.
 */
export function middleOf(values: readonly Weighted[]): number {
  if (values.length === 1) return values[0]!.value;
  const sorted = [...values].sort((a, b) => a.value - b.value);
  const total = sorted.reduce((sum, { weight }) => sum + weight, 0);
  const from = (total * (1 - middleShare)) / 2;
  const to = (total * (1 + middleShare)) / 2;
  let below = 0;
  let sum = 0;
  let taken = 0;
  for (const { value, weight } of sorted) {
    const inside = Math.min(to, below + weight) - Math.max(from, below);
    if (inside > 0) {
      sum += value * inside;
      taken += inside;
    }
    below += weight;
  }
  return sum / taken;
}
