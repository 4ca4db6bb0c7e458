// Prints CPU µs per packet of echo servers, relative to one in C: what the addon costs over the
// kernel's own floor, what node:dgram does, and what io_uring would. Needs a C compiler.
//   node bench/native-echo.ts [--rounds 3] [--millis 1000]
//   unshare -n node bench/native-echo.ts --veth …   compares the backends batch and xdp over Ethernet
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chooseUdpIo } from '../src/server/open-udp.ts';
import { vethNetwork } from '../test/native/udp-network.ts';
import { makeVethNetwork, narrow } from '../test/native/veth-network.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    millis: { type: 'string', default: '1000' },
    veth: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const millis = Number(values.millis);
const clients = 8;
const window = 16;
const requestBytes = 60;
/** Requests a second of the second table. */
const rate = 20_000;

const here = import.meta.dirname;
const binaries = join(here, 'build');
const hasTaskset = spawnSync('taskset', ['--version']).status === 0;
const say = (text: string) => process.stdout.write(`${text}\n`);

function compile(name: string): string {
  mkdirSync(binaries, { recursive: true });
  const binary = join(binaries, name);
  const source = join(here, 'native', `${name}.c`);
  const flags = ['-std=c11', '-O2', '-Wall', '-Wextra', '-o', binary, source];
  const { status, stderr } = spawnSync(process.env['CC'] || 'cc', flags, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${name}.c does not compile:\n${stderr}`);
  return binary;
}

/** Runs a command on one core of two, where that can be chosen. */
function pinned(core: number, command: readonly string[]): ChildProcess {
  const all = hasTaskset ? ['taskset', '-c', `${core}`, ...command] : command;
  return spawn(all[0] ?? '', all.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** CPU time of all threads of a process, in µs (proc_schedstat: nanoseconds on a core). */
function cpuMicros(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => {
    const [ran = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ');
    return sum + Number(ran) / 1000;
  }, 0);
}

/** User time of a process, in µs, by the kernel's ticks of 10 ms. */
function userMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[11]) * 10_000;
}

interface Server {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: string;
  /** Addresses of server and clients; none on loopback. */
  readonly hosts: readonly string[];
}

async function start(
  name: string,
  command: readonly string[],
  hosts: readonly string[] = [],
): Promise<Server> {
  const child = pinned(0, command);
  const [line] = await once(child.stdout!, 'data', { signal: AbortSignal.timeout(10_000) });
  return { name, child, port: String(line).trim(), hosts };
}

interface Sample {
  readonly cpu: number;
  readonly user: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

async function measure(load: string, server: Server, atRate: number): Promise<Sample> {
  const pid = server.child.pid!;
  const before = { cpu: cpuMicros(pid), user: userMicros(pid) };
  const numbers = [server.port, millis, clients, window, requestBytes, atRate].map(String);
  const run = pinned(1, [load, ...numbers, ...server.hosts]);
  const [line] = await once(run.stdout!, 'data', { signal: AbortSignal.timeout(millis + 10_000) });
  const result = JSON.parse(String(line));
  if (result.wrong > 0) throw new Error(`${server.name} gave wrong answers: ${line}`);
  return {
    cpu: (cpuMicros(pid) - before.cpu) / result.answered,
    user: (userMicros(pid) - before.user) / result.answered,
    perSecond: result.answered / result.seconds,
    p50: result.p50,
    p99: result.p99,
  };
}

const median = (all: number[]) => all.sort((a, b) => a - b)[all.length >> 1] ?? Number.NaN;

async function table(load: string, servers: readonly Server[], atRate: number): Promise<void> {
  const samples = new Map<string, Sample[]>(servers.map(({ name }) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const server of servers) {
      const sample = await measure(load, server, atRate);
      if (round > 0) samples.get(server.name)?.push(sample); // round 0 warms up
    }
  }
  const of = (name: string, key: keyof Sample) =>
    median((samples.get(name) ?? []).map((sample) => sample[key]));
  const floor = of(servers[0]?.name ?? '', 'cpu');
  say('\nserver                      CPU µs/packet  user µs   × first  packets/s  p50 µs  p99 µs');
  for (const { name } of servers) {
    const columns: [number, number, number][] = [
      [of(name, 'cpu'), 15, 2],
      [of(name, 'user'), 9, 2],
      [of(name, 'cpu') / floor, 10, 2],
      [of(name, 'perSecond'), 11, 0],
      [of(name, 'p50'), 8, 0],
      [of(name, 'p99'), 8, 0],
    ];
    const cells = columns.map(([value, width, digits]) => value.toFixed(digits).padStart(width));
    say(name.padEnd(26) + cells.join(''));
  }
}

const load = compile('load');
const backend = join(here, 'native', 'backend-echo.ts');
const { io, reason } = chooseUdpIo();
if (io !== 'batch') say(`no addon: ${reason}`);
const servers: Server[] = [];
try {
  if (values.veth) {
    makeVethNetwork();
    // Each on an interface of its own: a program on one slows down what passes it.
    for (const [name, { server, client }] of [
      ['batch', narrow],
      ['xdp', vethNetwork],
    ] as const) {
      const command = [process.execPath, backend, name, server];
      servers.push(await start(`addon, ${name}`, command, [server, client]));
    }
  } else {
    servers.push(await start('C echo', [compile('echo')]));
    servers.push(await start('C echo, io_uring', [compile('echo_uring'), 'send']));
    servers.push(await start('node:dgram', [process.execPath, backend, 'dgram']));
  }
  if (io === 'batch' && !values.veth) {
    const batch = [process.execPath, backend, 'batch'];
    servers.push(await start('addon', batch));
    servers.push(await start('addon, 3 addresses', [...batch, '127.0.0.1,127.0.0.2,127.0.0.3']));
    servers.push(await start('addon, wildcard', [...batch, '0.0.0.0']));
  }
  say(`medians of ${rounds} rounds of ${millis} ms; ${requestBytes} octets, ${clients} clients`);
  say(`\nat saturation, ${clients * window} packets under way`);
  await table(load, servers, 0);
  say(`\nat ${rate} packets/s`);
  await table(load, servers, rate);
} finally {
  for (const { child } of servers) child.kill('SIGKILL');
}
