/** What one check of doctor found. */
export interface Finding {
  /** What was looked at: `node`, `port`, `store`, `delegation`. */
  readonly check: string;
  /** `warn` deserves a look; `fail` will not work. */
  readonly status: 'ok' | 'warn' | 'fail';
  /** One sentence with what was found. */
  readonly text: string;
  /** What to do about it. */
  readonly remedy?: string;
}

/** Makes the findings of one check. */
export function findingsOf(check: string) {
  return {
    ok: (text: string): Finding => ({ check, status: 'ok', text }),
    warn: (text: string, remedy?: string): Finding => make(check, 'warn', text, remedy),
    fail: (text: string, remedy?: string): Finding => make(check, 'fail', text, remedy),
  };
}

function make(
  check: string,
  status: Finding['status'],
  text: string,
  remedy: string | undefined,
): Finding {
  return { check, status, text, ...(remedy === undefined ? {} : { remedy }) };
}
