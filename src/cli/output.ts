import { formatProblem, MeridianError, type Problem } from '../base/errors.ts';
import { CommandEnd, exitCodes, type Terminal } from './program.ts';
import { clean, type Style } from './style.ts';

/** Prints the one JSON document of a command that was asked for `--json`. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}

/**
 * Runs a command's work. With `json` a refusal, too, is one JSON document on the standard output:
 * `{ "problems": [...] }`, with exit code 1.
 */
export async function withJsonErrors(
  terminal: Terminal,
  json: boolean | undefined,
  work: () => Promise<void> | void,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (json !== true || !(error instanceof MeridianError)) throw error;
    printJson(terminal, { problems: error.problems });
    throw new CommandEnd(exitCodes.refused);
  }
}

/** One line of a problem, its kind first in colour. */
export function problemLine(problem: Problem, style: Style): string {
  const line = clean(formatProblem(problem));
  return `${problem.severity === 'warning' ? style.yellow(line) : style.red(line)}\n`;
}

/**
 * The problems of several sources without those said twice. A server knows a zone where the reader of
 * its file knows the line; the line is worth more.
 */
export function joinProblems(...lists: readonly (readonly Problem[])[]): Problem[] {
  const all = lists.flat();
  const key = ({ code, message }: Problem) => `${code} ${message}`;
  const placed = new Set(all.filter((problem) => hasLine(problem)).map(key));
  const seen = new Set<string>();
  return all.filter((problem) => {
    if (!hasLine(problem) && placed.has(key(problem))) return false;
    const whole = `${problem.where ?? ''} ${key(problem)}`;
    if (seen.has(whole)) return false;
    seen.add(whole);
    return true;
  });
}

function hasLine({ where }: Problem): boolean {
  return where !== undefined && /:\d+$/.test(where);
}
