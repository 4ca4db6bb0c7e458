import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { firstAnswer } from './first-answer.ts';
import { largeOrigin, smallOrigin } from './inputs.ts';
import { memoryMb, print } from './meter.ts';

const main = join(import.meta.dirname, '../../src/main.ts');

/**
 * Measures `meridian serve` as an operator runs it: from exec to the first right answer, and until
 * it says that it is complete, from the files and then from what it has stored.
 */
export async function measureProcess(
  folder: string,
  subject: 'names' | 'zones',
  zones: number,
): Promise<void> {
  const data = join(folder, `${subject}-process`);
  const origin = subject === 'names' ? largeOrigin : smallOrigin(zones - 1);
  if (!existsSync(data)) await start('cold', folder, subject, data, origin);
  await start('warm', folder, subject, data, origin);
}

async function start(
  how: 'cold' | 'warm',
  folder: string,
  subject: string,
  data: string,
  origin: string,
): Promise<void> {
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const began = performance.now();
  const flags = ['--zones', join(folder, subject), '--data', data, '--workers', '2'];
  const addresses = ['--dns', `127.0.0.1:${port}`, '--http', '127.0.0.1:0'];
  const output = ['--json', '--log-level', 'error'];
  const profile = process.env['SERVE_FLAGS']?.split(' ') ?? [];
  const serve = spawn(
    process.execPath,
    [...profile, main, 'serve', ...flags, ...addresses, ...output],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const complete = once(serve.stdout, 'data').then(() => performance.now());
  await firstAnswer(origin, port);
  const seconds = (until: number) => (until - began) / 1000;
  print(`${how} start, exec to first right answer`, seconds(performance.now()), 's');
  print(`${how} start, until it is complete (API)`, seconds(await complete), 's');
  const { now, most } = memoryMb(serve.pid);
  print('RSS', now, 'MB');
  print('RSS at most', most, 'MB');
  const ended = once(serve, 'exit');
  const stopped = performance.now();
  serve.kill('SIGTERM');
  await ended;
  print('stop', (performance.now() - stopped) / 1000, 's');
}
