import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { CheckError } from '../health/check-errors.ts';
import type { CheckTarget } from '../health/report.ts';
import type { Verdict } from '../health/verdict.ts';
import type { Guard } from './guard.ts';

/** What one check found. Times are milliseconds with fractions. */
export interface CheckResult {
  /** `unknown`: the check could not be made, so it says nothing of the target. */
  readonly outcome: Verdict;
  /** TCP handshake. */
  readonly connectMs?: number;
  /** TLS handshake. */
  readonly tlsMs?: number;
  /** From the request to the first byte of the answer. */
  readonly firstByteMs?: number;
  readonly error?: CheckError;
  readonly errorText?: string;
  /** Why the agent may not check as the monitor asks, and has checked over tcp instead. */
  readonly downgraded?: string;
}

export interface CheckContext {
  /** Aborted when the monitor's timeout is over; a check then settles at once. */
  readonly signal: AbortSignal;
  readonly guard: Guard;
  readonly clock: Clock;
}

/** Makes one check. Never rejects. */
export type Check = (target: CheckTarget, context: CheckContext) => Promise<CheckResult>;

/** Phase times gathered while a check runs, so that a failed one still reports what it measured. */
export type Timings = { -readonly [K in 'connectMs' | 'tlsMs' | 'firstByteMs']?: number };

/** Ends a check from within; `settleCheck` turns it into a result. */
export class CheckFailure extends Error {
  readonly outcome: Verdict;
  readonly error: CheckError;

  constructor(error: CheckError, message: string, outcome: Verdict = 'down') {
    super(message);
    this.error = error;
    this.outcome = outcome;
  }
}

/** Runs the inside of a check and makes a result of whatever happens. */
export async function settleCheck(
  run: (
    timings: Timings,
  ) => Promise<Pick<CheckResult, 'outcome' | 'error' | 'errorText' | 'downgraded'>>,
): Promise<CheckResult> {
  const timings: Timings = {};
  try {
    const { errorText: text, ...found } = await run(timings);
    return { ...timings, ...found, ...(text === undefined ? {} : { errorText: cut(text) }) };
  } catch (thrown) {
    if (thrown instanceof CheckFailure) {
      const { outcome, error, message } = thrown;
      return { ...timings, outcome, error, errorText: cut(message) };
    }
    // A monitor that a library refuses (a bad header value, say) tells nothing of the target.
    const text = cut(errorText(thrown));
    return { ...timings, outcome: 'unknown', error: 'check-invalid', errorText: text };
  }
}

/** The longest text of an error that is reported, without control characters. */
export function cut(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f]+/g, ' ')
    .trim()
    .slice(0, limits.checkErrorChars);
}

/** The port that a monitor asks, by its type where it names none. */
export function portOf({ monitor }: CheckTarget): number {
  const port = monitor.port ?? defaultPorts[monitor.type];
  if (port === undefined) {
    throw new CheckFailure('check-invalid', `${monitor.type} needs a port`, 'unknown');
  }
  return port;
}

const defaultPorts: Readonly<Record<string, number | undefined>> = {
  http: 80,
  https: 443,
  tls: 443,
  dns: 53,
  icmp: 443,
  exec: 0,
};
