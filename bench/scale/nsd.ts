import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { firstAnswer } from './first-answer.ts';
import { largeOrigin, smallOrigin } from './inputs.ts';
import { memoryMb, print } from './meter.ts';

/** Measures how long NSD takes from its start to its first answer, on the same zone files. */
export async function measureNsd(folder: string, subject: 'names' | 'zones'): Promise<void> {
  if (spawnSync('nsd', ['-v']).error !== undefined) {
    process.stdout.write('  nsd is not installed\n');
    return;
  }
  const home = resolve(folder, `${subject}-nsd`);
  mkdirSync(home, { recursive: true });
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  const files = readdirSync(join(folder, subject)).filter((file) => file.endsWith('.zone'));
  const zones = files.map((file) => {
    const name = file.slice(0, -'.zone'.length);
    return `zone:\n  name: ${name}\n  zonefile: ${resolve(folder, subject, file)}\n`;
  });
  const head = [
    'server:',
    '  ip-address: 127.0.0.1',
    `  port: ${port}`,
    '  username: ""',
    `  pidfile: ${home}/pid`,
    `  xfrdfile: ${home}/xfrd`,
    `  zonelistfile: ${home}/zones`,
    `  logfile: ${home}/log`,
    '  server-count: 2',
    'remote-control:',
    '  control-enable: no',
    '',
  ];
  writeFileSync(join(home, 'nsd.conf'), head.join('\n') + zones.join(''));
  const start = performance.now();
  const nsd = spawn('nsd', ['-d', '-c', join(home, 'nsd.conf')], { stdio: 'inherit' });
  const origin = subject === 'names' ? largeOrigin : smallOrigin(files.length - 1);
  await firstAnswer(origin, port);
  print('from start to first answer', (performance.now() - start) / 1000, 's');
  const pids = [nsd.pid ?? 0, ...childrenOf(nsd.pid ?? 0)];
  print(
    'memory of all its processes (PSS)',
    pids.reduce((sum, pid) => sum + pssMb(pid), 0),
    'MB',
  );
  print('RSS of its largest process', Math.max(...pids.map((pid) => memoryMb(pid).now)), 'MB');
  nsd.kill();
  await new Promise((done) => nsd.once('exit', done));
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  if (text === '') return [];
  return text.split(' ').flatMap((child) => [Number(child), ...childrenOf(Number(child))]);
}

/** A process's share of memory in MB, pages that it shares counted in parts (proc(5), smaps). */
function pssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
}
