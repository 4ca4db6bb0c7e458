import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Coordinates } from '../geo/client.ts';
import type { SavedSeries } from './series-store.ts';

/*
 * What was measured, in a file:
 *
 *   ┌ {"format":"meridian latency 1","sha256":…}\n ┐  of all that follows
 *   │ gzip of lines of JSON:                        │
 *   │   [epochMs, { region: [latitude, longitude] }]│
 *   │   [key, region, source, samples, presence, ageMs, bin, weight, bin, weight, …]
 *   │   …                                           │
 *   └───────────────────────────────────────────────┘
 */

const format = 'meridian latency 1';

/** What was measured until a moment, and where the regions were then. */
export interface SavedLatency {
  /** Milliseconds since 1970. */
  readonly epochMs: number;
  readonly places: ReadonlyMap<string, Coordinates>;
  readonly series: readonly SavedSeries[];
}

/** Writes series as a file has them; at most `limits.latencySeries`, the first of them. */
export function encodeSeries({ epochMs, places, series }: SavedLatency): Uint8Array {
  const regions = [...places].map(([name, { latitude, longitude }]) => [
    name,
    [latitude, longitude],
  ]);
  const lines = [JSON.stringify([Math.round(epochMs), Object.fromEntries(regions)])];
  for (const one of series.slice(0, limits.latencySeries)) {
    const { key, region, source, samples, presence, ageMs, filled } = one;
    const numbers = [samples, presence, ageMs, ...filled].map(short);
    lines.push(JSON.stringify([key, region, source, ...numbers]));
  }
  const body = gzipSync(`${lines.join('\n')}\n`, { level: 1 });
  const sha256 = createHash('sha256').update(body).digest('hex');
  return Buffer.concat([Buffer.from(`${JSON.stringify({ format, sha256 })}\n`), body]);
}

/** Reads such a file; a sentence that says what is wrong where it is none, or is damaged. Never throws. */
export function decodeSeries(bytes: Uint8Array): SavedLatency | string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.indexOf(10);
  try {
    const head = JSON.parse(buffer.toString('utf8', 0, Math.max(0, end))) as Record<
      string,
      unknown
    >;
    if (head['format'] !== format) return 'it is of another form';
    const body = buffer.subarray(end + 1);
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (head['sha256'] !== sha256) return 'it is not what was written';
    const text = gunzipSync(body, { maxOutputLength: limits.latencyFileBytes }).toString('utf8');
    const [first = '', ...lines] = text.trimEnd().split('\n');
    const [epochMs, regions] = JSON.parse(first) as [number, Record<string, [number, number]>];
    const places = Object.entries(regions).map(
      ([name, [latitude, longitude]]) => [name, { latitude, longitude }] as const,
    );
    const series = lines.slice(0, limits.latencySeries).map(readLine);
    return { epochMs, places: new Map(places), series };
  } catch (error) {
    return `it cannot be read: ${errorText(error)}`;
  }
}

function readLine(line: string): SavedSeries {
  const [key, region, source, samples, presence, ageMs, ...filled] = JSON.parse(line) as [
    string,
    string,
    string,
    number,
    number,
    number,
    ...number[],
  ];
  return { key, region, source, samples, presence, ageMs, filled };
}

/** Six digits are more than a weight means. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}
