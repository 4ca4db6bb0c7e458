import { type ErrorCode, isAcceptable, type Problem } from '../base/errors.ts';

/** Turns a JSON pointer into what an operator looks at: `zones/traffic.yaml:14`. */
export type Locate = (path: string) => string;

/** Collects all that is wrong with an input, each problem with its place. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly #locate: Locate;

  /** Without `locate`, places are JSON pointers (RFC 6901). */
  constructor(locate: Locate = (path) => path) {
    this.#locate = locate;
  }

  error(code: ErrorCode, path: string, message: string): void {
    this.problems.push({ code, message, where: this.#locate(path) });
  }

  warn(code: ErrorCode, path: string, message: string): void {
    this.problems.push({ code, message, where: this.#locate(path), severity: 'warning' });
  }

  /** Takes over what another reader found below a path. */
  take(problems: readonly Problem[], path: string): void {
    for (const problem of problems) {
      this.problems.push({ ...problem, where: this.#locate(path + (problem.where ?? '')) });
    }
  }

  /** Runs a reader; its result counts only if it found nothing worse than warnings. */
  unlessBad<T>(read: () => T | undefined): T | undefined {
    const before = this.problems.length;
    const result = read();
    return isAcceptable(this.problems.slice(before)) ? result : undefined;
  }
}

/** The pointer of one key or index below a path (RFC 6901 §3 escapes). */
export function at(path: string, key: string | number): string {
  return `${path}/${escapeKey(String(key))}`;
}

/** A key as a pointer holds it. */
export function escapeKey(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The keys of a pointer, unescaped. */
export function pointerKeys(path: string): string[] {
  return path
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** A value as a message shows it: JSON, cut short. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
