import { Script } from 'node:vm';
import { limits } from '../base/limits.ts';
import type { HttpCheck } from '../health/monitor.ts';
import type { Verdict } from '../health/verdict.ts';
import { CheckFailure, type CheckResult } from './check-result.ts';

type Finding = Pick<CheckResult, 'outcome' | 'error' | 'errorText'>;

/** What is read of an HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  /** The first 64 KiB, UTF-8. */
  readonly body: string;
  /** True when there was more. */
  readonly isCut: boolean;
}

/**
 * Judges an HTTP answer by status, then text, then expression, then structured status. Throws
 * CheckFailure.
 */
export function judgeAnswer(check: HttpCheck, answer: HttpAnswer): Finding {
  const { status, body } = answer;
  if (!check.statuses.some(([low, high]) => status >= low && status <= high)) {
    throw new CheckFailure('http-status', `status ${status}`);
  }
  if (check.bodyIncludes !== undefined && !body.includes(check.bodyIncludes)) {
    throw new CheckFailure('body-mismatch', `the body does not hold "${check.bodyIncludes}"`);
  }
  if (check.bodyMatches !== undefined && !bodyMatches(check.bodyMatches, body)) {
    throw new CheckFailure('body-mismatch', `the body does not match /${check.bodyMatches}/`);
  }
  return judgeHealthAnswer(answer);
}

/**
 * Tests an expression that operators wrote on a body that others write. One that backtracks without
 * end is stopped, and the check counts as not made.
 */
export function bodyMatches(pattern: string, body: string): boolean {
  try {
    const script = new Script('new RegExp(pattern).test(body)');
    return script.runInNewContext({ pattern, body }, { timeout: limits.bodyPatternMs }) as boolean;
  } catch (thrown) {
    const isSlow = (thrown as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT';
    const why = isSlow ? 'takes too long on this body; make it simpler' : 'is no expression';
    throw new CheckFailure('body-pattern', `/${pattern}/ ${why}`, 'unknown');
  }
}

const words: ReadonlyMap<string, Verdict> = new Map([
  ['pass', 'up'],
  ['ok', 'up'],
  ['up', 'up'],
  ['warn', 'degraded'],
  ['degraded', 'degraded'],
  ['fail', 'down'],
  ['error', 'down'],
  ['down', 'down'],
]);

/**
 * Reads a structured health answer: `status` in a JSON object of type application/json or
 * application/health+json, in the words of draft-inadarei-api-health-check-06 §3.1 and their
 * synonyms. An answer that is not one is up, since everything else about it was right.
 */
function judgeHealthAnswer({ contentType, body, isCut }: HttpAnswer): Finding {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if ((type !== 'application/json' && type !== 'application/health+json') || isCut) {
    return { outcome: 'up' };
  }
  const status = statusIn(body);
  const outcome = words.get(status?.toLowerCase() ?? '') ?? 'up';
  if (outcome === 'up') return { outcome };
  const errorText = `the health answer says "${status}"`;
  if (outcome === 'down') throw new CheckFailure('body-status', errorText);
  return { outcome, error: 'body-status', errorText };
}

function statusIn(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'status')) {
      return undefined;
    }
    const { status } = value as { status: unknown };
    return typeof status === 'string' ? status : undefined;
  } catch {
    return undefined;
  }
}
