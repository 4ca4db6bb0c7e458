import { createInterface } from 'node:readline/promises';
import { Command, CommanderError } from 'commander';
import { formatProblem, MeridianError } from '../base/errors.ts';

/** What commands print to and end with; passed in, so that tests can look. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** Colours may be used on `out`. Default false. */
  readonly colours?: boolean;
  /** Asks the person at the terminal; absent where nobody sits there. */
  readonly ask?: (question: string) => Promise<string>;
  /** Environment variables; absent: none. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  colours:
    process.stdout.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb',
  ...(process.stdin.isTTY && process.stdout.isTTY ? { ask: askPerson } : {}),
  env: process.env,
};

async function askPerson(question: string): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return await lines.question(question);
  } finally {
    lines.close();
  }
}

/** Ends a command that has already printed what there is to say. */
export class CommandEnd extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`the command ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/**
 * Exit codes of every command: 0 done; 1 the input or the operation was refused; 2 the command line
 * was wrong; 70 a bug (EX_SOFTWARE of sysexits.h).
 */
export const exitCodes = { done: 0, refused: 1, usage: 2, bug: 70 } as const;

/** The `meridian` command, still without its subcommands. */
export function createProgram(version: string, terminal: Terminal): Command {
  return new Command('meridian')
    .description('Authoritative DNS server and global traffic manager')
    .version(version)
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('(meridian --help and meridian COMMAND --help tell more)')
    .showSuggestionAfterError(true)
    .exitOverride();
}

/** Runs the program and turns whatever happens into an exit code and a message. */
export async function runProgram(
  program: Command,
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCodes.done;
  } catch (error) {
    if (error instanceof CommandEnd) return error.exitCode;
    if (error instanceof CommanderError) {
      return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
    }
    if (error instanceof MeridianError) {
      for (const problem of error.problems) terminal.err(`${formatProblem(problem)}\n`);
      return exitCodes.refused;
    }
    terminal.err(`meridian: this is a bug: ${error instanceof Error ? error.stack : error}\n`);
    return exitCodes.bug;
  }
}
