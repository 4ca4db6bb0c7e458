/** The days of recurring windows, as `Date.getUTCDay` counts them. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** One of `weekdays`. */
export type Weekday = (typeof weekdays)[number];

/**
 * When planned work goes on: once, or again and again. Changes of health are then no news: no event,
 * no alarm. Answers follow health as ever, so that what is dead is left out.
 */
export type MaintenanceWindow =
  | {
      /** RFC 3339. */
      readonly from: string;
      readonly to: string;
    }
  | {
      /** On which days it begins, UTC. */
      readonly days: readonly Weekday[];
      /** When it begins, minutes after midnight, UTC. */
      readonly atMinute: number;
      readonly forMs: number;
    };

const dayMs = 86_400_000;

/** True while one of the windows is open: from its beginning (included) to its end (excluded). */
export function isInMaintenance(windows: readonly MaintenanceWindow[], epochMs: number): boolean {
  return windows.some((window) => {
    if ('from' in window) {
      return Date.parse(window.from) <= epochMs && epochMs < Date.parse(window.to);
    }
    const { days, atMinute, forMs } = window;
    const midnightMs = Math.floor(epochMs / dayMs) * dayMs;
    // A window lasts a week at most; one that is open now may have begun that long ago.
    for (let back = 0; back <= Math.ceil(forMs / dayMs); back++) {
      const beginMs = midnightMs - back * dayMs + atMinute * 60_000;
      const day = weekdays[new Date(beginMs).getUTCDay()];
      if (day === undefined || !days.includes(day)) continue;
      if (beginMs <= epochMs && epochMs < beginMs + forMs) return true;
    }
    return false;
  });
}
