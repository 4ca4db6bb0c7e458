import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const adminToken = 'test-token-test-token-test-token';

/** True when a program can be found; tests that need it say what to install and are skipped without. */
export function hasProgram(name: string): boolean {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  return spawnSync('sh', ['-c', `command -v ${name}`], { env: { PATH: path } }).status === 0;
}

/** Why a test cannot run here, for `skip`; false when it can. */
export function missing(...programs: readonly string[]): string | false {
  const absent = programs.filter((program) => !hasProgram(program));
  return absent.length === 0 ? false : `needs ${absent.join(', ')} (see .ci/run)`;
}

/** A folder that goes away with the test. */
export function temporaryFolder(t: { after(callback: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-test-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes files below a folder, by relative path. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

/** A process under test, its output, and how to end it. */
export interface Running {
  readonly child: ChildProcess;
  output(): string;
  /** Sends a signal and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** Starts a program; it is killed when the test ends. */
export function startProgram(
  t: { after(callback: () => Promise<void>): void },
  command: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Running {
  const path = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const child = spawn(command[0] ?? '', command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: path, ...environment },
  });
  let text = '';
  child.stdout?.on('data', (chunk) => {
    text += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  t.after(() => stop('SIGKILL'));
  return { child, output: () => text, stop };
}

/** Waits until a look succeeds; fails with the last error when the deadline has passed. */
export async function until<Value>(
  look: () => Value | undefined | Promise<Value | undefined>,
  what: () => string,
  deadlineMs = 20_000,
): Promise<Value> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms for ${what()}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

/**
 * A port that nothing uses on the address at the moment, over UDP nor TCP; below the ports that the
 * kernel gives to connections, so that none takes it before the program under test does.
 */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if ((await canBindUdp(port, address)) && (await canListen(port, address))) return port;
  }
  throw new Error(`no free port on ${address}`);
}

function canBindUdp(port: number, address: string): Promise<boolean> {
  return new Promise((done) => {
    const socket = createSocket('udp4');
    socket.once('error', () => done(false));
    socket.bind(port, address, () => socket.close(() => done(true)));
  });
}

function canListen(port: number, address: string): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once('error', () => done(false));
    server.listen(port, address, () => server.close(() => done(true)));
  });
}

/** True when this process may bind port 53 on an address; delegations always lead to port 53. */
export function canBindPort53(address: string): Promise<boolean> {
  return canBindUdp(53, address);
}

/** Runs the real command until it ends by itself; it is killed, and fails the test, when it does not. */
export async function runMeridian(
  t: { after(callback: () => Promise<void>): void },
  words: readonly string[],
  deadlineMs?: number,
  more: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const environment = { MERIDIAN_ADMIN_TOKEN: adminToken, ...more };
  const running = startProgram(
    t,
    [process.execPath, join(root, 'src/main.ts'), ...words],
    environment,
  );
  await until(
    () => running.child.exitCode !== null || undefined,
    () => `meridian ${words.join(' ')} to end: ${running.output()}`,
    deadlineMs,
  );
  return { code: running.child.exitCode, output: running.output() };
}

export interface RunningMeridian extends Running {
  /** `ADDR:PORT` of each DNS listener. */
  readonly dns: readonly string[];
  readonly port: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly token: string;
  /** Calls the API with the token. */
  api(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>;
}

/** Starts the real command and waits until it serves. */
export async function startMeridian(
  t: { after(callback: () => Promise<void>): void },
  options: {
    readonly zones: string;
    readonly data: string;
    readonly dns?: string;
    readonly http?: string;
    readonly flags?: readonly string[];
  },
): Promise<RunningMeridian> {
  return serveMeridian(t, [
    ...['--zones', options.zones, '--data', options.data, '--workers', '1'],
    ...['--dns', options.dns ?? '127.0.0.1:0', '--http', options.http ?? '127.0.0.1:0'],
    ...(options.flags ?? []),
  ]);
}

/** How long a start may take on a busy machine, milliseconds. */
const startMs = 120_000;

/** Starts `meridian serve --json` with these flags and waits until it serves. */
export async function serveMeridian(
  t: { after(callback: () => Promise<void>): void },
  flags: readonly string[],
  /** What the command begins with, where it is not to run as it is. */
  prefix: readonly string[] = [],
): Promise<RunningMeridian> {
  const token = adminToken;
  const command = [process.execPath, join(root, 'src/main.ts'), 'serve', '--json', ...flags];
  const environment = { MERIDIAN_ADMIN_TOKEN: token };
  const running = startProgram(t, [...prefix, ...command], environment);
  const line = await until(
    () => {
      if (running.child.exitCode !== null) throw new Error(`meridian ended: ${running.output()}`);
      return running
        .output()
        .split('\n')
        .find((one) => one.startsWith('{"dns"'));
    },
    () => `meridian to be ready: ${running.output()}`,
    startMs,
  );
  const ready = JSON.parse(line) as { dns: string[]; http: string };
  const url = `http://${ready.http}`;
  return {
    ...running,
    dns: ready.dns,
    port: Number(ready.dns[0]?.split(':').pop()),
    url,
    token,
    api(method, path, body, headers = {}) {
      const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
      const type: Record<string, string> =
        body === undefined ? {} : { 'content-type': 'application/json' };
      return fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, ...type, ...headers },
        ...(text === undefined ? {} : { body: text }),
      });
    },
  };
}
