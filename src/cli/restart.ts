import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Command } from 'commander';
import { MeridianError } from '../base/errors.ts';
import { findHolder } from '../store/find-holder.ts';
import { parseCount } from './flags.ts';
import { printJson, withJsonErrors } from './output.ts';
import type { Terminal } from './program.ts';
import { clearProgress, type RestartProgress, readProgress } from './restart/progress.ts';

interface RestartFlags {
  readonly data: string;
  readonly timeout: number;
  readonly json?: boolean;
}

const pollMs = 50;

const help = `
The process that serves from the data directory starts another one with the same flags and the very
same sockets, which takes its place: no query is lost. If that fails, it serves on. Only the same user,
or root, may ask; it is the same as sending it SIGUSR2.

Examples:
  $ meridian restart --data /var/lib/meridian      after an upgrade of Meridian or of Node`;

/** Adds `meridian restart`. */
export function registerRestart(program: Command, terminal: Terminal): void {
  program
    .command('restart')
    .description('Replace the running node by a new process without losing a query')
    .option('--data <dir>', 'its data directory', 'data')
    .option('--timeout <seconds>', 'how long to wait for the outcome', parseCount(1, 3600), 600)
    .option('--json', 'print one JSON document')
    .addHelpText('after', help)
    .action((flags: RestartFlags) =>
      withJsonErrors(terminal, flags.json, () => restart(flags, terminal)),
    );
}

async function restart(flags: RestartFlags, terminal: Terminal): Promise<void> {
  const folder = resolve(flags.data);
  const pid = holderOf(folder);
  const began = performance.now();
  clearProgress(folder);
  signal(pid, folder);
  const outcome = await settled(folder, pid, flags.timeout);
  if (outcome.state !== 'done') {
    const reason = outcome.state === 'failed' ? outcome.reason : `not done in ${flags.timeout} s`;
    throw refusal(`process ${pid} was not replaced: ${reason}`, folder);
  }
  const seconds = (performance.now() - began) / 1000;
  const { successor } = outcome;
  if (flags.json === true) printJson(terminal, { pid: successor, before: pid, seconds });
  else
    terminal.out(`process ${successor} serves in the place of ${pid}, ${seconds.toFixed(1)} s\n`);
}

function holderOf(folder: string): number {
  const holder = findHolder(folder);
  if (holder === undefined) {
    throw refusal('no Meridian serves from this data directory; start one', folder);
  }
  const { pid } = holder;
  // Between its lock and its pid, the file still names the process before: nobody of ours by now.
  if (pid !== undefined && isServing(pid)) return pid;
  throw refusal('the node is still starting; ask again when it serves', folder);
}

/** False where another program has got the number. */
function isServing(pid: number): boolean {
  const file = `/proc/${pid}/cmdline`;
  if (process.platform !== 'linux') return true;
  return existsSync(file) && readFileSync(file, 'utf8').split('\0').includes('serve');
}

function signal(pid: number, folder: string): void {
  try {
    process.kill(pid, 'SIGUSR2');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const message = `process ${pid} takes no signal from this user (${code}); ask as its user, or as root`;
    throw refusal(message, folder);
  }
}

/** Waits for the end of the restart; what it has come to when the time is over. */
async function settled(folder: string, pid: number, seconds: number): Promise<RestartProgress> {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const progress = readProgress(folder) ?? { state: 'under-way', pid };
    if (progress.state !== 'under-way' || performance.now() > end) return progress;
    if (!isServing(pid)) {
      return { state: 'failed', pid, reason: 'it ended; its log says why' };
    }
    await new Promise((done) => setTimeout(done, pollMs));
  }
}

function refusal(message: string, where: string): MeridianError {
  return new MeridianError({ code: 'E_RESTART', message, where });
}
