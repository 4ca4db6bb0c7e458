import { type ChildProcess, spawn } from 'node:child_process';
import { limits } from '../../base/limits.ts';
import {
  type Check,
  type CheckContext,
  CheckFailure,
  portOf,
  settleCheck,
} from '../check-result.ts';

/**
 * Runs the operator's command without a shell: exit 0 is up, 1 down, 2 degraded, all else down.
 *
 * The command has the rights of the Meridian process. It gets an environment of PATH, LANG,
 * MERIDIAN_ADDRESS and MERIDIAN_PORT only, so that no secret of the process leaks into it, no
 * input, and its own process group, which is killed as a whole when the time is over or the command
 * ends.
 */
export const checkExec: Check = (target, context) =>
  settleCheck(async () => {
    const { address, monitor } = target;
    const refusal = context.guard.refusal(address);
    if (refusal !== undefined) throw new CheckFailure('guard-refused', refusal, 'unknown');
    const port = String(portOf(target));
    const fill = (word: string) =>
      word.replace(/\{(address|port)\}/g, (_, what) => (what === 'port' ? port : address));
    const [program, ...words] = (monitor.exec?.command ?? []).map(fill);
    if (program === undefined) {
      throw new CheckFailure('check-invalid', 'exec needs a command', 'unknown');
    }
    const { code, output } = await run(program, words, address, port, context);
    if (code === 0) return { outcome: 'up' };
    const said = output.split('\n', 1)[0]?.trim() || `${program} gave no reason`;
    if (code === 2) return { outcome: 'degraded', error: 'exec-degraded', errorText: said };
    return { outcome: 'down', error: 'exec-exit', errorText: `exit ${code}: ${said}` };
  });

/** How long output is waited for after the command's end. */
const drainMs = 100;

interface Ended {
  /** Exit code, or the name of the signal that ended the command. */
  readonly code: number | string;
  /** The beginning of what it wrote, both streams as they came. */
  readonly output: string;
}

function run(
  program: string,
  words: readonly string[],
  address: string,
  port: string,
  { signal, clock }: CheckContext,
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(new CheckFailure('exec-timeout', `${program} was given no time`));
      return;
    }
    const child = spawn(program, words, {
      shell: false,
      detached: true, // its own process group
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'] ?? '/usr/bin:/bin',
        LANG: process.env['LANG'] ?? 'C',
        MERIDIAN_ADDRESS: address,
        MERIDIAN_PORT: port,
      },
    });
    const chunks: Buffer[] = [];
    let keptBytes = 0;
    const keep = (chunk: Buffer) => {
      const rest = limits.execOutputBytes - keptBytes;
      if (rest <= 0) return;
      chunks.push(chunk.subarray(0, rest));
      keptBytes += Math.min(rest, chunk.length);
    };
    child.stdout.on('data', keep).on('error', () => {});
    child.stderr.on('data', keep).on('error', () => {});
    const letGo = () => {
      signal.removeEventListener('abort', onAbort);
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const onAbort = () => {
      killGroup(child);
      letGo();
      reject(new CheckFailure('exec-timeout', `${program} took too long and was killed`));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', (error) => {
      letGo();
      reject(new CheckFailure('exec-start', `${program}: ${error.message}`, 'unknown'));
    });
    child.once('exit', (code, killedBy) => {
      killGroup(child);
      const end = () => {
        letGo();
        const output = Buffer.concat(chunks).toString('utf8');
        resolve({ code: code ?? killedBy ?? 'unknown', output });
      };
      // The last output may still be on its way; a descendant in a group of its own could hold the
      // streams open for ever.
      const stopWaiting = clock.setTimer(drainMs, end);
      child.once('close', () => {
        stopWaiting();
        end();
      });
    });
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // ESRCH: the whole group has ended already.
  }
}
