import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Fleet } from '../../src/health/fleet.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import { type Layout, layoutOf } from '../../src/health/packed-report.ts';
import type { CheckState, Report } from '../../src/health/report.ts';
import { decodeBody, decodeHead, encodeReport } from '../../src/health/report-codec.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { httpMonitor } from './fleet-fixture.ts';

/**
 * The oracle: knows every arrival that ever was, looks at all of them, shares no code with the fleet.
 * A ruling depends on each agent's greatest report and when that arrived, on nothing else.
 */
interface Arrival {
  readonly report: Report;
  readonly atMs: number;
}

function oracle(
  arrivals: readonly Arrival[],
  check: string,
  monitor: Monitor,
  nowMs: number,
): Verdict {
  const agents = [...new Set(arrivals.map(({ report }) => report.agent))];
  const said: { region: string; state: Verdict }[] = [];
  for (const agent of agents) {
    const own = arrivals.filter(({ report }) => report.agent === agent);
    const order = ({ report }: Arrival) => report.boot * 1e6 + report.sequence;
    const greatest = Math.max(...own.map(order));
    const latest = own.find((arrival) => order(arrival) === greatest)!;
    const limitMs = Math.min(60_000, Math.max(3000, 3 * monitor.intervalMs));
    if (!latest.report.canariesOk || nowMs - latest.atMs >= limitMs) continue;
    const state = latest.report.results.find(({ target }) => target === check)?.state;
    const { region } = latest.report;
    if (!isAsked(agent, monitor)) continue;
    if (state !== undefined && state !== 'unknown') said.push({ region, state });
  }
  const asked = agents.filter((agent) => isAsked(agent, monitor)).length;
  if (said.length === 0) return 'unknown';
  const regionsOf = (list: typeof said) => new Set(list.map(({ region }) => region));
  const enough = (list: typeof said): boolean => {
    if (list.length === 0) return false;
    if (monitor.quorum === 'any') return true;
    if (monitor.quorum === 'all') return list.length === said.length;
    if (typeof monitor.quorum === 'number') {
      if (list.length < Math.min(monitor.quorum, asked)) return false;
      return monitor.quorum === 1 || regionsOf(said).size === 1 || regionsOf(list).size > 1;
    }
    const agreeing = [...regionsOf(said)].filter((region) => {
      const inRegion = (entry: { region: string }) => entry.region === region;
      return list.filter(inRegion).length > said.filter(inRegion).length / 2;
    });
    return agreeing.length > regionsOf(said).size / 2;
  };
  if (enough(said.filter(({ state }) => state === 'down'))) return 'down';
  if (enough(said.filter(({ state }) => state !== 'up'))) return 'degraded';
  return 'up';
}

/** True when a monitor asks an agent, by its name or its region. */
function isAsked(agent: string, { from }: Monitor): boolean {
  return from === undefined || [agent.slice(0, 2), agent].some((it) => from.includes(it));
}

const monitors = new Map<string, Monitor>([
  ['most', { ...httpMonitor, intervalMs: 1000, timeoutMs: 500 }],
  ['slow', { ...httpMonitor, intervalMs: 30_000 }],
  ['any', { ...httpMonitor, quorum: 'any' }],
  ['all', { ...httpMonitor, quorum: 'all' }],
  ['two', { ...httpMonitor, quorum: 2 }],
  ['near', { ...httpMonitor, from: ['eu', 'us2', 'ap'] }],
  ['few', { ...httpMonitor, quorum: 3, from: ['us2', 'eu1'] }],
]);
const addresses = ['192.0.2.1', '2001:db8::1'];
const checks = [...monitors.keys()].flatMap((name) => addresses.map((ip) => `${name}@${ip}`));

const verdict = fc.constantFrom<Verdict>('up', 'degraded', 'down', 'unknown');
const agentNames = ['eu1', 'eu2', 'us1', 'us2', 'ap1'];
const anyReport: fc.Arbitrary<Report> = fc
  .record({
    agent: fc.constantFrom(...agentNames),
    boot: fc.integer({ min: 1, max: 2 }),
    sequence: fc.integer({ min: 1, max: 12 }),
    canariesOk: fc.nat(5).map((draw) => draw > 0),
    states: fc.array(verdict, { minLength: checks.length, maxLength: checks.length }),
    without: fc.option(fc.nat(checks.length - 1), { freq: 4 }),
  })
  .map(({ agent, boot, sequence, canariesOk, states, without }) => ({
    agent,
    region: agent.slice(0, 2),
    boot,
    sequence,
    canariesOk,
    results: checks
      .map((target, place): CheckState => ({ target, state: states[place] ?? 'up', forMs: 0 }))
      .filter((_, place) => place !== without),
  }));

/** One agent never sends two different reports of one number: the first of each is the one. */
function consistent(reports: readonly Report[]): Report[] {
  const seen = new Map<string, Report>();
  return reports.map((report) => {
    const key = `${report.agent} ${report.boot} ${report.sequence}`;
    const first = seen.get(key) ?? report;
    seen.set(key, first);
    return first;
  });
}

function newFleet(share = 1): Fleet {
  const fleet = new Fleet();
  const members = [{ name: 'm', addresses, share }];
  const names = [...monitors.keys()];
  const plan = { name: 'web', monitors: names, members, rampMs: 0, watchesChange: true };
  fleet.setService(plan, monitors, 0);
  return fleet;
}

/** The same report as it comes over the wire; those of one plan share one layout. */
function wired(report: Report, layouts: Map<string, Layout>) {
  const ids = report.results.map(({ target }) => target);
  const key = ids.join();
  const layout = layouts.get(key) ?? layoutOf(ids);
  layouts.set(key, layout);
  const bytes = encodeReport(report, '00'.repeat(32), 12_345);
  return decodeBody(bytes, decodeHead(bytes)!, layout, report.region);
}

const rulings = (fleet: Fleet) => checks.map((check) => fleet.ruling(check)?.verdict);

test('Fleet rules as the brute-force oracle does, after any arrivals in any order', () => {
  const step = fc.record({
    report: anyReport,
    waitMs: fc.constantFrom(0, 0, 100, 1000, 3000, 20_000, 70_000),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const fleet = newFleet();
      const overWire = newFleet();
      const layouts = new Map<string, Layout>();
      const reports = consistent(steps.map(({ report }) => report));
      const arrivals: Arrival[] = [];
      let nowMs = 0;
      for (const [place, { waitMs }] of steps.entries()) {
        nowMs += waitMs;
        fleet.tick(nowMs);
        overWire.tick(nowMs);
        arrivals.push({ report: reports[place]!, atMs: nowMs });
        fleet.receive(reports[place]!, nowMs);
        overWire.receive(wired(reports[place]!, layouts), nowMs);
        const expected = checks.map((check) =>
          oracle(arrivals, check, monitors.get(check.split('@')[0]!)!, nowMs),
        );
        assert.deepEqual(rulings(fleet), expected);
        assert.deepEqual(rulings(overWire), expected);
      }
    }),
    { numRuns: 200 },
  );
});

const hourMs = 3_600_000;

/**
 * The agent regions besides one whose word on a check is missed, by brute force: of agents that are
 * enrolled and spoke within a day (or are waited for from the start), or spoke within an hour.
 */
function missedBesides(
  region: string,
  arrivals: readonly Arrival[],
  enrolled: readonly string[],
  check: string,
  monitor: Monitor,
  nowMs: number,
): string[] {
  const order = ({ report }: Arrival) => report.boot * 1e6 + report.sequence;
  const staleMs = Math.min(60_000, Math.max(3000, 3 * monitor.intervalMs));
  const missed = agentNames.filter((agent) => {
    const home = agent.slice(0, 2);
    if (home === region) return false;
    if (!isAsked(agent, monitor)) return false;
    const own = arrivals.filter(({ report }) => report.agent === agent);
    // What was repeated or came late says nothing new.
    const told = own.filter((arrival, place) =>
      own.slice(0, place).every((earlier) => order(earlier) < order(arrival)),
    );
    const last = told.at(-1);
    const silentForMs = nowMs - (last?.atMs ?? 0);
    if (silentForMs >= (enrolled.includes(agent) ? 24 * hourMs : hourMs)) return false;
    if (last === undefined) return enrolled.includes(agent);
    if (last.report.canariesOk && silentForMs < staleMs) return false;
    const said = last.report.results.find(({ target }) => target === check);
    return said?.state !== 'unknown';
  });
  return [...new Set(missed.map((agent) => agent.slice(0, 2)))].sort();
}

test('Fleet lets a target fall as the oracle does: not while regions of the fleet are missed', () => {
  const step = fc.record({
    report: anyReport,
    waitMs: fc.constantFrom(0, 100, 1000, 4000, 35_000, 70_000, hourMs, 25 * hourMs),
  });
  const some = fc.subarray(agentNames);
  const seen = { held: 0, alone: 0 };
  fc.assert(
    fc.property(some, fc.array(step, { maxLength: 25 }), (enrolled, steps) => {
      // So small that the velocity guard lets it pass.
      const fleet = newFleet(0.01);
      fleet.enrol(new Map(enrolled.map((agent) => [agent, agent.slice(0, 2)])), 0);
      const reports = consistent(steps.map(({ report }) => report));
      const arrivals: Arrival[] = [];
      const down = new Set<string>();
      let nowMs = 0;
      /** Looks at all targets after something has happened. */
      const look = () => {
        for (const target of fleet.targets('web')) {
          const { id, monitor, ruling } = target.check;
          const isDown = target.damping.verdict === 'down';
          const fell = isDown && !down.has(id);
          if (isDown) down.add(id);
          else down.delete(id);
          if (ruling.verdict !== 'down' || target.heldUntilMs !== undefined) continue;
          const [region = '', ...others] = ruling.downRegions;
          const missed = missedBesides(region, arrivals, enrolled, id, monitor, nowMs);
          const isAlone = others.length === 0 && monitor.quorum !== 'any' && missed.length > 0;
          if (isAlone) seen.held++;
          else if (others.length === 0) seen.alone++;
          if (target.guarded) assert.deepEqual(fleet.awaited(target, nowMs), missed);
          // What was down already stays down on the word of one region.
          if (isAlone) assert.ok(!fell, `${id} fell at ${nowMs}`);
          else assert.ok(isDown, `${id} did not fall at ${nowMs}`);
        }
      };
      for (const [place, { waitMs }] of steps.entries()) {
        // Each report is newer than all before: a repeated one would say nothing.
        const report = { ...reports[place]!, boot: place + 1 };
        nowMs += waitMs;
        fleet.tick(nowMs);
        look();
        arrivals.push({ report, atMs: nowMs });
        fleet.receive(report, nowMs);
        // Whoever waited for time alone is looked at by the next tick.
        fleet.tick(nowMs);
        look();
      }
    }),
    { numRuns: 200 },
  );
  assert.ok(seen.held > 100 && seen.alone > 100, JSON.stringify(seen));
});

test('Fleet rules the same whatever the order and repetition of what arrived at one time', () => {
  const batch = fc.array(anyReport, { minLength: 1, maxLength: 15 });
  fc.assert(
    fc.property(batch, fc.infiniteStream(fc.nat()), (some, draws) => {
      const reports = consistent(some);
      const shuffled = [...reports, ...reports]
        .map((report) => ({ report, draw: draws.next().value as number }))
        .sort((a, b) => a.draw - b.draw);
      const plain = newFleet();
      for (const report of reports) plain.receive(report, 1000);
      const other = newFleet();
      for (const { report } of shuffled) other.receive(report, 1000);
      assert.deepEqual(rulings(other), rulings(plain));
    }),
    { numRuns: 100 },
  );
});
