import { type CheckError, checkErrors } from './check-errors.ts';
import type { CheckState, Report } from './report.ts';
import type { Verdict } from './verdict.ts';

/*
 * One check in a report: 16 octets, little-endian, the same while nothing new was found out.
 *
 *   word 0   state (2 bits) · state of a run under way (2 bits) · flags (4 bits)
 *            checks that run still needs (8 bits) · error class + 1 (8 bits) · 0 (8 bits)
 *   word 1   the agent's uptime when the state began, tenths of a second
 *   word 2   connect time (16 bits) · TLS time (16 bits)
 *   word 3   time to first byte (16 bits) · checks made, modulo 65,536 (16 bits)
 *
 * A duration would differ each second; a beginning does not, and only its difference to the
 * report's own uptime is ever looked at: the agent's clock cannot matter.
 */

/** 32-bit words per check. */
export const wordsPerCheck = 4;

/** The bits of word 0 on which votes depend. */
export const voteMask = 0xff0f;

/** The bits of word 0 that are not 0 while a run is under way. */
export const runChecksMask = 0x0000_ff00;

/** The bits of word 3 that differ when a check was made. */
export const madeMask = 0xffff_0000;

const downgradedFlag = 0x10;
const states: readonly Verdict[] = ['unknown', 'up', 'degraded', 'down'];
const stateCodes: Readonly<Record<Verdict, number>> = { unknown: 0, up: 1, degraded: 2, down: 3 };
const errorPlaces: ReadonlyMap<string, number> = new Map(
  checkErrors.map((error, place) => [error, place + 1]),
);

/** The checks of a report in their order; reports of one plan share one object. */
export interface Layout {
  readonly ids: readonly string[];
  /** Where each stands. */
  readonly places: ReadonlyMap<string, number>;
}

/** A report as the roster reads it. */
export interface PackedReport {
  readonly agent: string;
  readonly region: string;
  readonly boot: number;
  readonly sequence: number;
  readonly canariesOk: boolean;
  readonly layout: Layout;
  /** `wordsPerCheck` for each check of the layout. */
  readonly words: Uint32Array;
  /** All that was said of the check at a place, for people to read. */
  detail(place: number): CheckState;
  /**
   * The same report for keeping. What comes over the wire stands in memory that is used again as soon as
   * it was taken; its octets are copied into those of the agent's report before, which is then no more.
   */
  kept(before: PackedReport | undefined): PackedReport;
}

/** Makes a layout; ids must be distinct. */
export function layoutOf(ids: readonly string[]): Layout {
  return { ids, places: new Map(ids.map((id, place) => [id, place])) };
}

/**
 * Packs a report of objects. `before` is the layout of the agent's report before; it is used again
 * when the checks are the same in the same order.
 */
export function packReport(report: Report, before: Layout | undefined): PackedReport {
  const { agent, region, boot, sequence, canariesOk, results } = report;
  const isSame =
    before?.ids.length === results.length &&
    results.every(({ target }, place) => before.ids[place] === target);
  const layout = isSame ? before : layoutOf(results.map(({ target }) => target));
  const words = new Uint32Array(results.length * wordsPerCheck);
  for (const [place, state] of results.entries()) packState(words, place, state, 0);
  const packed: PackedReport = {
    ...{ agent, region, boot, sequence, canariesOk, layout, words },
    detail: (place) => results[place] ?? unsaid(layout.ids[place] ?? ''),
    kept: () => packed,
  };
  return packed;
}

/** Writes one check into its words; `uptimeMs` is the agent's, 0 where nobody asks for durations. */
export function packState(
  words: Uint32Array,
  place: number,
  { state, forMs, next, connectMs, tlsMs, firstByteMs, error, made, downgraded }: CheckState,
  uptimeMs: number,
): void {
  const at = place * wordsPerCheck;
  const nextBits =
    next === undefined ? 0 : (stateCodes[next.state] << 2) | (Math.min(255, next.checks) << 8);
  const errorBits = (errorPlaces.get(error ?? '') ?? 0) << 16;
  const flags = downgraded === true ? downgradedFlag : 0;
  words[at] = stateCodes[state] | nextBits | errorBits | flags;
  words[at + 1] = Math.max(0, Math.round((uptimeMs - forMs) / 100));
  words[at + 2] = packTime(connectMs) | (packTime(tlsMs) << 16);
  words[at + 3] = packTime(firstByteMs) | (((made ?? 0) & 0xffff) << 16);
}

/** Reads one check from its words; `uptimeTenths` is that of the report. */
export function unpackState(
  { layout, words }: Pick<PackedReport, 'layout' | 'words'>,
  place: number,
  uptimeTenths: number,
  errorText?: string,
): CheckState {
  const at = place * wordsPerCheck;
  const [first = 0, since = 0, times = 0, last = 0] = words.subarray(at, at + wordsPerCheck);
  const error = errorOf(first);
  const next = nextOf(first);
  const connectMs = unpackTime(times & 0xffff);
  const tlsMs = unpackTime(times >>> 16);
  const firstByteMs = unpackTime(last & 0xffff);
  return {
    target: layout.ids[place] ?? '',
    state: stateOf(first),
    forMs: Math.max(0, uptimeTenths - since) * 100,
    ...(next === undefined ? {} : { next }),
    ...(connectMs === undefined ? {} : { connectMs }),
    ...(tlsMs === undefined ? {} : { tlsMs }),
    ...(firstByteMs === undefined ? {} : { firstByteMs }),
    ...(error === undefined ? {} : { error }),
    ...(error === undefined || errorText === undefined ? {} : { errorText }),
    made: last >>> 16,
    ...((first & downgradedFlag) === 0 ? {} : { downgraded: true }),
  };
}

/** The state in a word 0. */
export function stateOf(word: number): Verdict {
  return states[word & 3] ?? 'unknown';
}

/** The error class in a word 0. */
export function errorOf(word: number): CheckError | undefined {
  return checkErrors[((word >>> 16) & 0xff) - 1];
}

/** The run under way in a word 0. */
export function nextOf(word: number): CheckState['next'] {
  const checks = (word >>> 8) & 0xff;
  return checks === 0 ? undefined : { state: states[(word >>> 2) & 3] ?? 'unknown', checks };
}

const noTime = 0xffff;

/**
 * A time in 16 bits: 13 of mantissa, 3 of exponent to the base of 4, in tenths of a millisecond. So
 * 819 ms are known to 0.1 ms, 13 s to 1.6 ms, and over three hours to half a percent.
 */
export function packTime(ms: number | undefined): number {
  if (ms === undefined) return noTime;
  let tenths = Math.round(ms * 10);
  let exponent = 0;
  while (tenths > 0x1fff && exponent < 7) {
    tenths = Math.round(tenths / 4);
    exponent++;
  }
  return Math.min(noTime - 1, (exponent << 13) | Math.min(0x1fff, Math.max(0, tenths)));
}

/** Reads a time that `packTime` made, milliseconds. */
export function unpackTime(packed: number): number | undefined {
  if (packed === noTime) return undefined;
  return ((packed & 0x1fff) * (1 << (2 * (packed >>> 13)))) / 10;
}

function unsaid(target: string): CheckState {
  return { target, state: 'unknown', forMs: 0 };
}
