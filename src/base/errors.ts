/** Every stable error code, with the headline that docs/errors.md explains. Sorted by area. */
export const errorCodes = {
  // base, command line
  E_FLAG: 'a command line flag is unknown, missing or malformed',
  E_PORT_TAKEN: 'another process holds the address',
  E_PORT_FORBIDDEN: 'the process may not bind the port',
  E_INTERNAL: 'a bug in Meridian',
  // wire: names and rdata
  E_NAME_SYNTAX: 'a domain name is malformed',
  E_NAME_TOO_LONG: 'a label is over 63 or a name over 255 octets',
  E_RDATA_SYNTAX: 'the fields of a record do not fit its type',
  E_RDATA_RANGE: 'a number in a record is out of range',
  E_TYPE_UNKNOWN: 'a record type is not known by that name',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** One thing wrong with an input: what, where, and what to do about it. */
export interface Problem {
  readonly code: ErrorCode;
  /** A sentence that holds the offending value and, after a semicolon, the remedy. */
  readonly message: string;
  /** `file:line`, a JSON path such as `/services/web/ttl`, or a flag. */
  readonly where?: string;
  /** `warning` does not stop a change; absent means `error`. */
  readonly severity?: 'error' | 'warning';
}

/** An error that the person who caused it can mend; carries all problems found, not only the first. */
export class MeridianError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: Problem | readonly Problem[], options?: ErrorOptions) {
    const all = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(all.map(formatProblem).join('\n'), options);
    this.name = 'MeridianError';
    this.problems = all;
  }

  /** The first problem's code, by which callers decide. */
  get code(): ErrorCode {
    return this.problems[0]?.code ?? 'E_INTERNAL';
  }
}

/** Prints a problem as one line: `where: message (CODE)`. */
export function formatProblem(problem: Problem): string {
  const where = problem.where === undefined ? '' : `${problem.where}: `;
  const warning = problem.severity === 'warning' ? 'warning: ' : '';
  return `${where}${warning}${problem.message} (${problem.code})`;
}

/** True when none of the problems is worse than a warning. */
export function isAcceptable(problems: readonly Problem[]): boolean {
  return problems.every((problem) => problem.severity === 'warning');
}

/** The text of whatever was thrown, for logs and wrapped messages. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
