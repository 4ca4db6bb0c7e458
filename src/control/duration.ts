const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * Reads a duration as operators write it: `10s`, `500ms`, `2m`, `1h`, `1d`, or several in falling
 * order (`1m30s`). Returns milliseconds, or undefined when it is not one.
 */
export function parseDuration(text: string): number | undefined {
  if (
    !/^(\d{1,12}d)?(\d{1,12}h)?(\d{1,12}m)?(\d{1,12}s)?(\d{1,12}ms)?$/.test(text) ||
    text === ''
  ) {
    return undefined;
  }
  let totalMs = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g)) {
    totalMs += Number(count) * unitsMs[unit as keyof typeof unitsMs];
  }
  return totalMs;
}

/** Prints milliseconds in the largest unit that holds them exactly: `90s`, `2m`, `500ms`, `0s`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    if (ms % unitsMs[unit] === 0) return `${ms / unitsMs[unit]}${unit}`;
  }
  return `${ms}ms`;
}
