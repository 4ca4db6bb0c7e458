/** The media types that the API speaks. */
export const mediaTypes = {
  json: 'application/json',
  /** RFC 9457. */
  problem: 'application/problem+json',
  /** RFC 7396. */
  mergePatch: 'application/merge-patch+json',
  /** Master files, RFC 4027. */
  dns: 'text/dns',
  /** RFC 4180, without quoting. */
  csv: 'text/csv',
  eventStream: 'text/event-stream',
  /** An agent's report: health/report-codec.ts. */
  report: 'application/vnd.meridian.report',
} as const;

interface Range {
  readonly type: string;
  readonly subtype: string;
  readonly quality: number;
}

/**
 * The offered media type that the client likes best (RFC 9110 §12.5.1): highest quality, then first
 * offered. Undefined when it takes none of them; an absent or empty header takes all.
 */
export function preferredType(
  accept: string | undefined,
  offered: readonly string[],
): string | undefined {
  if (accept === undefined || accept.trim() === '') return offered[0];
  const ranges = accept.split(',').flatMap(parseRange);
  let best: string | undefined;
  let bestQuality = 0;
  for (const type of offered) {
    const quality = qualityOf(type, ranges);
    if (quality > bestQuality) {
      best = type;
      bestQuality = quality;
    }
  }
  return best;
}

/** The type and subtype of a Content-Type value, lower case, without its parameters. */
export function essence(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

function parseRange(text: string): Range[] {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const [type, subtype] = range.split('/');
  if (!type || !subtype) return [];
  const q = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = q === undefined ? 1 : Number(q.slice(2));
  return [{ type, subtype, quality: Number.isFinite(quality) ? quality : 0 }];
}

/** The most specific range that matches decides (RFC 9110 §12.5.1). */
function qualityOf(mediaType: string, ranges: readonly Range[]): number {
  const [type, subtype] = mediaType.split('/');
  const exact = ranges.find((range) => range.type === type && range.subtype === subtype);
  const ofType = ranges.find((range) => range.type === type && range.subtype === '*');
  const any = ranges.find((range) => range.type === '*' && range.subtype === '*');
  return (exact ?? ofType ?? any)?.quality ?? 0;
}
