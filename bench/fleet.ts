/**
 * What a fleet costs a controller: 200 agents report on 2,000 targets once a second.
 *
 *   node bench/fleet.ts [--agents N] [--targets N] [--seconds N]
 *
 * First without HTTP: signatures, decoding, quorum, in this process, on a virtual clock; while all is
 * well, and while every target fails for every agent. Then with HTTP: a real `meridian serve` that the
 * agents post to over connections of their own; its CPU is read from the system. Every target is checked
 * each ten seconds, so a tenth of each report differs from the one before.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Agent as HttpAgent } from 'undici';
import { VirtualClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { Random } from '../src/base/random.ts';
import { AgentDesk } from '../src/control/agent-desk.ts';
import { createHealthControl } from '../src/control/apply-health.ts';
import { readTrafficFile } from '../src/control/traffic-file.ts';
import type { CheckState } from '../src/health/report.ts';
import { encodeReport, signaturePart, signedPart } from '../src/health/report-codec.ts';
import type { FleetAgent, Traffic } from '../src/policy/traffic.ts';
import { ControlClient, enrol } from '../src/probe/control-client.ts';
import { readPlan } from '../src/probe/plan.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '200' },
    targets: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
  },
});
const agentCount = Number(values.agents);
const targetCount = Number(values.targets);
const seconds = Number(values.seconds);
const intervalSeconds = 10;

/** Ten regions; services of four members, one VIP each; loopback, so that nothing is ever sent there. */
function trafficText(): string {
  const places = ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1'];
  const lines = ['regions:', ...places.map((place) => `  ${place}: { place: aws:${place} }`)];
  lines.push(
    'monitors:',
    '  port: { type: tcp, port: 443, interval: 10s, timeout: 4s }',
    'services:',
  );
  for (let at = 0; at < targetCount / places.length; at++) {
    const members = places.map(
      (place, n) => `${place}: { a: [127.${n + 1}.${at >> 8}.${at & 255}] }`,
    );
    lines.push(`  s${at}: { monitors: [port], members: { ${members.join(', ')} } }`);
  }
  return `${lines.join('\n')}\n`;
}

/** One agent of the load: its key, and what it knows of each target. */
class LoadAgent {
  readonly key: KeyObject;
  readonly publicKey: string;
  readonly #random: Random;
  readonly #states: { -readonly [K in keyof CheckState]: CheckState[K] }[] = [];
  readonly #checked: number[] = [];
  #sequence = 0;

  constructor(seed: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.key = privateKey;
    const der = publicKey.export({ type: 'spki', format: 'der' });
    this.publicKey = der.subarray(der.length - 32).toString('base64url');
    this.#random = new Random(seed);
  }

  setPlan(ids: readonly string[]): void {
    for (const target of ids) {
      this.#states.push({ target, state: 'up', forMs: 0, connectMs: 20, made: 1 });
      this.#checked.push(this.#random.below(intervalSeconds));
    }
  }

  /** The report of a second: a tenth of the targets was checked, and found as they are. */
  report(name: string, boot: number, digest: string, second: number, failing: boolean): Uint8Array {
    for (const [place, state] of this.#states.entries()) {
      if (this.#checked[place] !== second % intervalSeconds) continue;
      state.made = ((state.made ?? 0) + 1) & 0xffff;
      if (!failing) {
        state.connectMs = 15 + this.#random.fraction() * 20;
        continue;
      }
      const left = (state.next?.checks ?? 3) - 1;
      state.error = 'connect-timeout';
      state.errorText = `no connection to ${state.target} in time`;
      if (left > 0) state.next = { state: 'down', checks: left };
      else {
        state.state = 'down';
        delete state.next;
      }
    }
    const report = { agent: name, boot, sequence: ++this.#sequence, canariesOk: true };
    const bytes = encodeReport({ ...report, results: this.#states }, digest, second * 1000);
    signaturePart(bytes).set(sign(null, signedPart(bytes), this.key));
    return bytes;
  }
}

const newAgents = () => Array.from({ length: agentCount }, (_, place) => new LoadAgent(place + 1));
const nameOf = (place: number) => `agent-${place + 1}`;

/** CPU milliseconds per second of taking the fleet's reports in, without HTTP. */
function withoutHttp(): { well: number; storm: number; reportBytes: number } {
  const agents = newAgents();
  const clock = new VirtualClock();
  const control = createHealthControl({ clock, log: silentLog, onServicesChanged: () => {} });
  const desk = new AgentDesk({ clock, log: silentLog, receive: (one) => control.receive(one) });
  const { traffic } = readTrafficFile(trafficText(), 'traffic.yaml');
  const enrolled = agents.map((agent, place): [string, FleetAgent] => [
    nameOf(place),
    {
      location: '0,0',
      coordinates: { latitude: 0, longitude: 0 },
      region: `region-${place % 10}`,
      publicKey: agent.publicKey,
      state: 'active',
      canaries: new Map(),
    },
  ]);
  const whole: Traffic = { ...traffic, agents: new Map(enrolled) };
  control.setTraffic(whole);
  desk.setTraffic(control.plan(), whole);
  const boots = agents.map((agent, place) => {
    const plan = desk.plan(nameOf(place));
    agent.setPlan(plan?.layout.ids ?? []);
    return desk.boot(nameOf(place), 0, 'bench');
  });
  const digest = desk.plan(nameOf(0))?.digest ?? '';
  let reportBytes = 0;
  /** Takes one second's reports in; returns the CPU time of that alone. */
  const step = (second: number, failing: boolean): number => {
    const reports = agents.map((agent, place) =>
      agent.report(nameOf(place), boots[place] ?? 0, digest, second, failing),
    );
    reportBytes = reports[0]?.length ?? 0;
    const before = process.cpuUsage();
    for (const [place, bytes] of reports.entries()) desk.take(nameOf(place), bytes, 1);
    clock.advance(1000);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const mean = (list: readonly number[]) => list.reduce((sum, one) => sum + one, 0) / list.length;
  let second = 0;
  for (let warm = 0; warm < 12; warm++) step(second++, false);
  const well = Array.from({ length: seconds }, () => step(second++, false));
  const storm = Array.from({ length: 3 * intervalSeconds }, () => step(second++, true));
  control.close();
  return { well: mean(well), storm: mean(storm), reportBytes };
}

/**
 * CPU of a real controller in milliseconds per second, HTTP included, at how many reports a second, and
 * why reports were refused.
 */
async function withHttp() {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-fleet-'));
  const token = 'bench-token-0123456789';
  let server: ChildProcess | undefined;
  const dispatchers: HttpAgent[] = [];
  try {
    writeFileSync(join(folder, 'traffic.yaml'), trafficText());
    const main = join(import.meta.dirname, '../src/main.ts');
    const args = ['serve', '--zones', folder, '--data', join(folder, 'data'), '--json'];
    args.push(
      '--dns',
      '127.0.0.1:0',
      '--http',
      '127.0.0.1:0',
      '--workers',
      '1',
      '--log-level',
      'error',
    );
    server = spawn(process.execPath, [main, ...args], {
      env: { ...process.env, MERIDIAN_ADMIN_TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await firstLine(server);
    const url = `http://${(JSON.parse(line ?? '{}') as { http: string }).http}`;
    const { signal } = new AbortController();
    const agents = newAgents();
    const lives: {
      agent: LoadAgent;
      name: string;
      client: ControlClient;
      boot: number;
      digest: string;
    }[] = [];
    for (const [place, agent] of agents.entries()) {
      const dispatcher = new HttpAgent({ connections: 2, keepAliveTimeout: 60_000 });
      dispatchers.push(dispatcher);
      const name = nameOf(place);
      const wish = {
        name,
        location: '0,0',
        region: `region-${place % 10}`,
        publicKey: agent.publicKey,
      };
      await enrol(url, token, wish, dispatcher, signal);
      const options = { url, dispatcher, agent: name, key: agent.key, version: 'bench' };
      const client = new ControlClient(options);
      const boot = await client.boot(0, signal);
      const plan = readPlan((await client.plan(undefined, 0, signal))?.text ?? '');
      agent.setPlan(plan.targets.map(({ id }) => id));
      lives.push({ agent, name, client, boot, digest: plan.digest });
      // Each keeps a question for another plan open, as agents do.
      void client.plan(plan.digest, 60, signal).catch(() => {});
    }
    const refused = new Map<string, number>();
    const note = (error: unknown) => {
      const why = String(error).slice(0, 120);
      refused.set(why, (refused.get(why) ?? 0) + 1);
    };
    const warmUp = 5;
    // Made beforehand: what load costs is none of the controller's business.
    const rounds = Array.from({ length: warmUp + seconds }, (_, second) =>
      lives.map(({ agent, name, boot, digest }) => agent.report(name, boot, digest, second, false)),
    );
    let before = { cpu: 0, wallMs: 0 };
    const now = () => ({ cpu: cpuMs(server?.pid), wallMs: performance.now() });
    for (const [second, reports] of rounds.entries()) {
      if (second === warmUp) before = now();
      const startedMs = performance.now();
      const posts: Promise<void>[] = [];
      for (const [place, bytes] of reports.entries()) {
        const waitMs = startedMs + (place / lives.length) * 1000 - performance.now();
        if (waitMs > 1) await new Promise((resolve) => setTimeout(resolve, waitMs));
        posts.push(lives[place]?.client.report(bytes, 1, signal).catch(note) ?? Promise.resolve());
      }
      await Promise.all(posts);
      const restMs = startedMs + 1000 - performance.now();
      if (restMs > 0) await new Promise((resolve) => setTimeout(resolve, restMs));
    }
    const after = now();
    const wall = (after.wallMs - before.wallMs) / 1000;
    const rate = (lives.length * seconds) / wall;
    return { cpu: (after.cpu - before.cpu) / wall, rate, refused };
  } finally {
    server?.kill();
    for (const dispatcher of dispatchers) void dispatcher.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
}

function firstLine(child: ChildProcess): Promise<string[]> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('no output'));
    createInterface(child.stdout).once('line', (line) => resolve([line]));
    child.once('exit', (code) => reject(new Error(`serve ended with ${code}`)));
  });
}

/** User and system time of a process so far, milliseconds: proc(5), fields 14 and 15. */
function cpuMs(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

const percent = (ms: number) => `${(ms / 10).toFixed(1)} % of a core`;
const { well, storm, reportBytes } = withoutHttp();
process.stdout.write(
  `${agentCount} agents, ${targetCount} targets, one report of ${reportBytes} octets each second\n` +
    `  without HTTP, all well          ${percent(well)}\n` +
    `  without HTTP, all targets fail  ${percent(storm)}\n`,
);
const { cpu, rate, refused } = await withHttp();
process.stdout.write(
  `  meridian serve, HTTP included   ${percent(cpu)}, at ${rate.toFixed(0)} reports a second\n`,
);
for (const [why, count] of refused) process.stdout.write(`  ${count} refused: ${why}\n`);
