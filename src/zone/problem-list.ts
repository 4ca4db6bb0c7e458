import type { ErrorCode, Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** Where checks say what they find. */
export interface ProblemSink {
  error(code: ErrorCode, message: string, where: string | undefined): void;
  warn(code: ErrorCode, message: string, where: string | undefined): void;
}

/** Collects all that is wrong with one name. */
export class NameProblems implements ProblemSink {
  readonly found: Problem[] = [];

  error(code: ErrorCode, message: string, where: string | undefined): void {
    this.found.push({ code, message, ...(where === undefined ? {} : { where }) });
  }

  warn(code: ErrorCode, message: string, where: string | undefined): void {
    const severity = 'warning';
    this.found.push({ code, message, severity, ...(where === undefined ? {} : { where }) });
  }
}

/** Collects what is wrong with one zone, up to `limits.problemsPerZone` errors and as many warnings. */
export class ProblemList implements ProblemSink {
  readonly #file: string | undefined;
  readonly #problems: Problem[] = [];
  #errors = 0;
  #warnings = 0;
  #stops = 0;

  /** `file` stands in the lines that say how many more problems there are. */
  constructor(file?: string) {
    this.#file = file;
  }

  /** How many errors were added, those beyond the cap included. */
  get errors(): number {
    return this.#errors + this.#stops;
  }

  error(code: ErrorCode, message: string, where: string | undefined): void {
    if (this.#errors++ < limits.problemsPerZone) this.#push({ code, message }, where);
  }

  /** An error after which reading stops: shown even when the cap is reached. */
  stop(code: ErrorCode, message: string, where: string | undefined): void {
    this.#push({ code, message }, where);
    this.#stops++;
  }

  warn(code: ErrorCode, message: string, where: string | undefined): void {
    if (this.#warnings++ < limits.problemsPerZone) {
      this.#push({ code, message, severity: 'warning' }, where);
    }
  }

  /** Adds what was found before. */
  add({ code, message, severity, where }: Problem): void {
    if (severity === 'warning') this.warn(code, message, where);
    else this.error(code, message, where);
  }

  /** All of them by file and line, and a last line for each kind that went over the cap. */
  list(): Problem[] {
    const all = this.#problems.toSorted(byPlace);
    const more = (count: number, word: string) =>
      `${count - limits.problemsPerZone} more ${word} not shown; mend those above first`;
    if (this.#errors > limits.problemsPerZone) {
      all.push({ code: 'E_ZONE_MORE', message: more(this.#errors, 'errors'), ...this.#place() });
    }
    if (this.#warnings > limits.problemsPerZone) {
      const message = more(this.#warnings, 'warnings');
      all.push({ code: 'E_ZONE_MORE', message, severity: 'warning', ...this.#place() });
    }
    return all;
  }

  #push(problem: Problem, where: string | undefined): void {
    this.#problems.push(where === undefined ? problem : { ...problem, where });
  }

  #place(): { where?: string } {
    return this.#file === undefined ? {} : { where: this.#file };
  }
}

/** Problems without a place stay where they are among their like: at the end. */
function byPlace(a: Problem, b: Problem): number {
  const [left, right] = [placeOf(a), placeOf(b)];
  if (left.file === right.file) return left.line - right.line;
  return left.file < right.file ? -1 : 1;
}

function placeOf({ where }: Problem): { file: string; line: number } {
  const [, file, line] = /^(.*):(\d+)$/s.exec(where ?? '') ?? [];
  if (file === undefined) return { file: '\uffff', line: 0 };
  return { file, line: Number(line) };
}

/** Quotes untrusted text for a message: printable ASCII, at most 100 characters. */
export function quoted(text: string): string {
  const short = text.length > 100 ? `${text.slice(0, 100)}…` : text;
  return `"${printable(short)}"`;
}

/** Replaces what could disturb a terminal or a log line. */
export function printable(text: string): string {
  if (/^[ -~]*$/.test(text)) return text;
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}
