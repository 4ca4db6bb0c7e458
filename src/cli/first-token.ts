import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { newSecret } from '../control/tokens.ts';

/** The name of the file in the data directory that keeps the first admin token for local commands. */
export const tokenFileName = 'admin.token';

const waitingFileName = 'admin.token.new';

/**
 * The secret of the first admin token, which is shown once. It is written down before the revision that
 * makes the token, and waits in a file of its own until it has been shown: a start that fails in between
 * locks nobody out, the next one shows it.
 */
export class FirstToken {
  readonly #file: string;
  readonly #waitingFile: string;
  readonly #log: Log;

  constructor(dataFolder: string, log: Log) {
    this.#file = join(dataFolder, tokenFileName);
    this.#waitingFile = join(dataFolder, waitingFileName);
    this.#log = log;
  }

  /** The secret that waits to be shown, else a new one, which waits from now on. */
  secret(): string {
    const waiting = this.waiting();
    if (waiting !== undefined) return waiting;
    const secret = newSecret();
    this.#write(this.#waitingFile, secret);
    return secret;
  }

  /** The secret that waits to be shown. */
  waiting(): string | undefined {
    try {
      const text = readFileSync(this.#waitingFile, 'utf8').trim();
      return /^mrd_[A-Za-z0-9_-]{43}$/.test(text) ? text : undefined;
    } catch {
      return undefined;
    }
  }

  /** It is being shown: from now on it is where local commands look for it. */
  keep(secret: string): void {
    this.#write(this.#file, secret);
    rmSync(this.#waitingFile, { force: true });
  }

  /** A file that cannot be written ends nothing: the node serves, and the token is printed. */
  #write(file: string, secret: string): void {
    try {
      // The mode counts only for a file that is new.
      rmSync(file, { force: true });
      writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: 'wx' });
    } catch (error) {
      const text = errorText(error);
      const message = `the admin token cannot be kept for local commands: ${text}`;
      this.#log.error({ file, error: text }, message);
    }
  }
}
