import { Command, CommanderError } from 'commander';
import { formatProblem, MeridianError } from '../base/errors.ts';

/** What commands print to and end with; passed in, so that tests can look. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

export const processTerminal: Terminal = {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
};

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
