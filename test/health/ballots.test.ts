import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Question } from '../../src/health/agent-record.ts';
import { type Layout, layoutOf, packReport } from '../../src/health/packed-report.ts';
import type { CheckState, Report } from '../../src/health/report.ts';
import { Roster } from '../../src/health/roster.ts';
import type { Verdict } from '../../src/health/verdict.ts';

const plans = [
  ['a', 'b', 'c'],
  ['c', 'a'],
  ['b', 'd', 'a', 'e'],
];
const questions: readonly Question[] = ['a', 'b', 'c', 'd', 'e', 'none'].flatMap((id) => [
  { id, staleAfterMs: 3000, from: undefined },
  { id, staleAfterMs: 60_000, from: new Set(['r1', 'agent-2']) },
]);

const anyState = fc.record({
  state: fc.constantFrom<Verdict>('unknown', 'up', 'degraded', 'down'),
  runs: fc.boolean(),
});
const anyStep = fc.record({
  agent: fc.nat(39),
  plan: fc.nat(plans.length - 1),
  states: fc.array(anyState, { minLength: 4, maxLength: 4 }),
  canariesOk: fc.integer({ min: 0, max: 9 }).map((one) => one > 0),
  region: fc.nat(3),
  waitMs: fc.constantFrom(0, 0, 10, 500, 2000),
  isRemoved: fc.integer({ min: 0, max: 14 }).map((one) => one === 0),
});

/** Votes as they are counted, region by region, and as they are listed. */
function bothWays(roster: Roster, question: Question, nowMs: number) {
  const { regions, hasRuns } = roster.count(question, nowMs);
  const counted = new Map<string, number[]>();
  for (const { region, voters, notUp, down } of regions) {
    if (voters > 0) counted.set(region, [voters, notUp, down]);
  }
  const listed = new Map<string, number[]>();
  let listedRuns = false;
  for (const { region, state, next } of roster.votes(question, nowMs)) {
    if (next !== undefined) listedRuns = true;
    if (state === 'unknown') continue;
    const [voters = 0, notUp = 0, down = 0] = listed.get(region) ?? [];
    const isNotUp = state === 'degraded' || state === 'down' ? 1 : 0;
    listed.set(region, [voters + 1, notUp + isNotUp, down + (state === 'down' ? 1 : 0)]);
  }
  const sorted = (map: Map<string, number[]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    counted: { regions: sorted(counted), hasRuns },
    listed: { regions: sorted(listed), hasRuns: listedRuns },
  };
}

test('Roster.count() counts as the votes are listed, whoever comes, moves, changes plans and goes', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 120 }), (steps) => {
      const roster = new Roster();
      const layouts = plans.map((ids) => layoutOf(ids));
      const enrolled = new Map<string, string>();
      let nowMs = 0;
      let sequence = 0;
      for (const { agent, plan, states, canariesOk, region, waitMs, isRemoved } of steps) {
        nowMs += waitMs;
        const name = `agent-${agent}`;
        if (isRemoved) {
          enrolled.delete(name);
          roster.enrol(enrolled, nowMs);
        } else {
          enrolled.set(name, `r${region}`);
          roster.enrol(enrolled, nowMs);
          sequence += 1;
          const report = reportOf(name, `r${region}`, sequence, canariesOk, plan, states);
          roster.accept(packReport(report, layouts[plan] as Layout), nowMs, () => 60_000);
        }
        for (const question of questions) {
          const { counted, listed } = bothWays(roster, question, nowMs);
          assert.deepEqual(counted, listed, question.id);
        }
      }
    }),
    { numRuns: 60 },
  );
});

function reportOf(
  agent: string,
  region: string,
  sequence: number,
  canariesOk: boolean,
  plan: number,
  states: readonly { readonly state: Verdict; readonly runs: boolean }[],
): Report {
  const results = (plans[plan] ?? []).map((target, at): CheckState => {
    const { state = 'unknown', runs = false } = states[at] ?? {};
    const next = { state: 'down' as const, checks: 2 };
    return { target, state, forMs: 0, ...(runs ? { next } : {}) };
  });
  return { agent, region, boot: 1, sequence, canariesOk, results };
}

test('Roster.commonError() is what most agents gave that are not up, whoever came first', () => {
  for (const order of [
    [0, 1, 2, 3, 4],
    [4, 3, 2, 1, 0],
  ]) {
    const roster = new Roster();
    const errors = [
      'connect-timeout',
      'connect-refused',
      'connect-refused',
      'connect-timeout',
      'tls-failed',
    ];
    for (const at of order) {
      const results = [{ target: 'a', state: 'down' as const, forMs: 0, error: errors[at] ?? '' }];
      const report = { agent: `agent-${at}`, region: 'r', boot: 1, sequence: 1, results };
      roster.accept({ ...report, canariesOk: true }, 0, () => 60_000);
    }
    const question = { id: 'a', staleAfterMs: 3000, from: undefined };
    assert.equal(roster.commonError(question, 0), 'connect-refused');
    assert.equal(roster.commonError(question, 5000), undefined);
  }
});
