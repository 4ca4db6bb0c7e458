// Prints CPU µs per answered query of this server, of the dns2 package's server and of a bare
// node:dgram echo: the same queries, the same machine, rounds in turn. `npm run bench:quick`.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { makeQueries, runLoad } from './dns-load.ts';

const root = resolve(import.meta.dirname, '..');
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);
const durationMs = Number(process.env['BENCH_MS'] ?? 3000);
const window = Number(process.env['BENCH_WINDOW'] ?? 64);
const taskset = spawnSync('taskset', ['--version']).status === 0;
const ticksPerSecond = Number(spawnSync('getconf', ['CLK_TCK']).stdout ?? 100);

interface Contestant {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

/** CPU seconds (user, system) that a process has used (proc(5), /proc/PID/stat fields 14 and 15). */
function cpuSeconds(pid: number): { user: number; system: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    user: Number(fields[11]) / ticksPerSecond,
    system: Number(fields[12]) / ticksPerSecond,
  };
}

function start(name: string, args: readonly string[], portOf: (line: string) => number) {
  const command = [process.execPath, ...args];
  const pinned = taskset ? ['taskset', '-c', '0', ...command] : command;
  const child = spawn(pinned[0] ?? '', pinned.slice(1), {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, MERIDIAN_ADMIN_TOKEN: 'bench-token-bench-token-bench' },
  });
  return new Promise<Contestant>((resolveStart, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      const newline = text.indexOf('\n');
      if (newline >= 0) resolveStart({ name, child, port: portOf(text.slice(0, newline)) });
    });
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${text}`)));
  });
}

function writeZones(folder: string): void {
  const statics = Array.from({ length: 100 }, (_, index) => `static${index} A 192.0.2.${index}`);
  writeFileSync(
    join(folder, 'bench.test.zone'),
    [
      '$TTL 300',
      '@ SOA ns1 hostmaster 1 7200 900 1209600 300',
      '@ NS ns1',
      'ns1 A 127.0.0.1',
      'www STEER web',
      '*.wild A 192.0.2.200',
      ...statics,
      '',
    ].join('\n'),
  );
  writeFileSync(
    join(folder, 'traffic.yaml'),
    [
      'regions:',
      '  us: { place: aws:us-east-1 }',
      '  eu: { place: aws:eu-west-1 }',
      '  ap: { place: aws:ap-south-1 }',
      'services:',
      '  web:',
      '    members:',
      '      us: { a: [192.0.2.10], aaaa: ["2001:db8:1::10"] }',
      '      eu: { a: [198.51.100.10], aaaa: ["2001:db8:2::10"] }',
      '      ap: { a: [203.0.113.10], aaaa: ["2001:db8:3::10"] }',
      '    policy:',
      '      geo:',
      '        - { match: { country: [IN, LK] }, use: ap }',
      '        - { match: { continent: [EU] }, use: { failover: [eu, us] } }',
      '      else: { nearest: all, answers: 1 }',
      '',
    ].join('\n'),
  );
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
const contestants: Contestant[] = [];
try {
  writeZones(folder);
  const serve = ['serve', '--zones', folder, '--data', join(folder, 'data'), '--json'];
  const listen = ['--dns', '127.0.0.1:0', '--http', '127.0.0.1:0', '--workers', '1'];
  contestants.push(
    await start('meridian', [join(root, 'src/main.ts'), ...serve, ...listen], (line) => {
      const ready = JSON.parse(line) as { dns: string[] };
      return Number(ready.dns[0]?.split(':').pop());
    }),
    await start('node:dgram echo', [join(root, 'bench/servers/echo.ts')], Number),
    await start('dns2 server', [join(root, 'bench/servers/dns2.ts')], Number),
  );
  if (taskset) spawnSync('taskset', ['-cp', '1', String(process.pid)]);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  say(`${rounds} rounds of ${durationMs} ms, ${window} queries under way, one server at a time`);
  for (const ecs of [false, true]) {
    const queries = makeQueries(20_000, ecs);
    const results = new Map<string, { user: number[]; cpu: number[]; rate: number[] }>();
    for (let round = 0; round <= rounds; round += 1) {
      for (const { name, child, port } of contestants) {
        const before = cpuSeconds(child.pid ?? 0);
        const load = await runLoad({ port, queries, durationMs, window });
        const after = cpuSeconds(child.pid ?? 0);
        if (round === 0) continue; // warm-up
        const rows = results.get(name) ?? { user: [], cpu: [], rate: [] };
        const user = ((after.user - before.user) * 1e6) / load.answered;
        rows.user.push(user);
        rows.cpu.push(user + ((after.system - before.system) * 1e6) / load.answered);
        rows.rate.push(load.answered / load.seconds);
        results.set(name, rows);
      }
    }
    const floor = median(results.get('node:dgram echo')?.cpu ?? []);
    say(`\n${ecs ? 'with' : 'without'} a client subnet in every query (medians)`);
    say('server            CPU µs/query   user µs   × echo   answered/s');
    for (const [name, rows] of results) {
      const cpu = median(rows.cpu);
      say(
        name.padEnd(18) +
          cpu.toFixed(2).padStart(12) +
          median(rows.user).toFixed(2).padStart(10) +
          (cpu / floor).toFixed(2).padStart(9) +
          Math.round(median(rows.rate)).toString().padStart(13),
      );
    }
  }
} finally {
  for (const { child } of contestants) child.kill('SIGTERM');
  rmSync(folder, { recursive: true, force: true });
}
