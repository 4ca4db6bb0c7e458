/**
 * What a fleet costs: 200 agents report on 2,000 targets once a second.
 *
 *   node bench/fleet.ts [--agents N] [--targets N] [--seconds N] [--nodes N] [--flapping N] [--skip-single]
 *                       [--told all|leader|standby]
 *
 * First without HTTP: signatures, decoding, quorum, in this process, on a virtual clock; while all is
 * well, and while every target fails for every agent. Then with HTTP: a real `meridian serve` that the
 * agents post to over connections of their own. Then a cluster: both of two controllers get every report,
 * as from agents that were given both (--told: only one of them), and nodes follow; no queries are asked.
 * All is well at first; then --flapping targets (default 60) die and come back once in two minutes each. CPU
 * is read from the system.
 * Every target is checked each ten seconds, so a tenth of each report differs from the one before.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { VirtualClock } from '../src/base/clock.ts';
import { silentLog } from '../src/base/log.ts';
import { AgentDesk } from '../src/control/agent-desk.ts';
import { createHealthControl } from '../src/control/apply-health.ts';
import { readTrafficFile } from '../src/control/traffic-file.ts';
import type { FleetAgent, Traffic } from '../src/policy/traffic.ts';
import { serveMeridian } from '../test/e2e/support/processes.ts';
import { type Cleanup, runBench } from './cleanup.ts';
import { measureInCluster } from './fleet/in-cluster.ts';
import {
  type Fails,
  intervalSeconds,
  nameOf,
  newAgents,
  regionOf,
  trafficText,
} from './fleet/load-agent.ts';
import { ReportLoad } from './fleet/report-load.ts';
import { cpuTime } from './peers/measure.ts';

const { values } = parseArgs({
  options: {
    agents: { type: 'string', default: '200' },
    targets: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '20' },
    nodes: { type: 'string', default: '2' },
    flapping: { type: 'string', default: '60' },
    told: { type: 'string', default: 'all' },
    'skip-single': { type: 'boolean', default: false },
  },
});
const agentCount = Number(values.agents);
const targetCount = Number(values.targets);
const seconds = Number(values.seconds);
const warmUpSeconds = 5;

/** CPU milliseconds per second of taking the fleet's reports in, without HTTP. */
function withoutHttp(): { well: number; storm: number; reportBytes: number } {
  const agents = newAgents(agentCount);
  const clock = new VirtualClock();
  const control = createHealthControl({ clock, log: silentLog, onServicesChanged: () => {} });
  const desk = new AgentDesk({ clock, log: silentLog, receive: (one) => control.receive(one) });
  const { traffic } = readTrafficFile(trafficText(targetCount), 'traffic.yaml');
  const enrolled = agents.map((agent, place): [string, FleetAgent] => [
    nameOf(place),
    {
      location: '0,0',
      coordinates: { latitude: 0, longitude: 0 },
      region: regionOf(place),
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
  const step = (second: number, fails: Fails): number => {
    const reports = agents.map((agent, place) =>
      agent.report(nameOf(place), boots[place] ?? 0, digest, second, fails),
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
  for (let warm = 0; warm < 12; warm++) step(second++, () => false);
  const well = Array.from({ length: seconds }, () => step(second++, () => false));
  const storm = Array.from({ length: 3 * intervalSeconds }, () => step(second++, () => true));
  control.close();
  return { well: mean(well), storm: mean(storm), reportBytes };
}

/** CPU of a real process in milliseconds per second, HTTP included; prints why reports were refused. */
async function withHttp(cleanup: Cleanup): Promise<{ cpu: number; rate: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-fleet-'));
  cleanup.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'traffic.yaml'), trafficText(targetCount));
  const server = await serveMeridian(cleanup, [
    ...['--zones', folder, '--data', join(folder, 'data'), '--log-level', 'error'],
    ...['--dns', '127.0.0.1:0', '--http', '127.0.0.1:0', '--workers', '1'],
  ]);
  const load = await ReportLoad.open(cleanup, [server.url], server.token, agentCount);
  const cpu = () => cpuTime(server.child.pid ?? 0).all / 1000;
  await load.run(warmUpSeconds, () => false);
  const before = cpu();
  const { wallMs, taken } = await load.run(seconds, () => false);
  const used = cpu() - before;
  load.printRefused();
  await server.stop();
  return { cpu: used / (wallMs / 1000), rate: taken / (wallMs / 1000) };
}

const percent = (ms: number) => `${(ms / 10).toFixed(1)} % of a core`;

async function measureSingle(cleanup: Cleanup): Promise<void> {
  const { well, storm, reportBytes } = withoutHttp();
  process.stdout.write(
    `${agentCount} agents, ${targetCount} targets, one report of ${reportBytes} octets each second\n` +
      `  without HTTP, all well          ${percent(well)}\n` +
      `  without HTTP, all targets fail  ${percent(storm)}\n`,
  );
  const { cpu, rate } = await withHttp(cleanup);
  process.stdout.write(
    `  meridian serve, HTTP included   ${percent(cpu)}, at ${rate.toFixed(0)} reports a second\n`,
  );
}

await runBench(async (cleanup) => {
  if (!values['skip-single']) await measureSingle(cleanup);
  await measureInCluster(cleanup, {
    ...{ agentCount, targetCount, seconds, warmUpSeconds },
    nodeCount: Number(values.nodes),
    flapping: Number(values.flapping),
    told: values.told,
  });
});
