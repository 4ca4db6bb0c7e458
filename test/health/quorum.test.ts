import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AgentVote, checksToChange, judge } from '../../src/health/quorum.ts';
import type { Verdict } from '../../src/health/verdict.ts';

const states: Readonly<Record<string, Verdict>> = {
  u: 'up',
  g: 'degraded',
  d: 'down',
  '?': 'unknown',
};

/** `eu:ddu us:u` is four agents in two regions. */
function votes(text: string): AgentVote[] {
  return text.split(' ').flatMap((part) => {
    const [region = '', letters = ''] = part.split(':');
    return [...letters].map((letter, place) => ({
      agent: `${region}${place}`,
      region,
      state: states[letter] ?? 'unknown',
    }));
  });
}

type Quorum = 'any' | 'majority' | 'all' | number;
const table: readonly (readonly [string, string, Quorum, Verdict])[] = [
  ['is unknown without agents', '', 'majority', 'unknown'],
  ['is unknown when nobody has an opinion', 'eu:??? us:?', 'majority', 'unknown'],
  ['believes a lone agent', 'eu:d', 'majority', 'down'],
  ['does not go down on half of the agents', 'eu:du', 'majority', 'up'],
  ['goes down on more than half', 'eu:ddu', 'majority', 'down'],
  ['does not count agents without an opinion', 'eu:d??', 'majority', 'down'],
  ['does not go down on the word of one region', 'eu:ddddd us:u', 'majority', 'up'],
  ['goes down when both of two regions say so', 'eu:d us:d', 'majority', 'down'],
  ['wants a majority inside two regions', 'eu:ddddddddd us:duu', 'majority', 'up'],
  ['needs two regions, not all of them', 'eu:dd us:dd ap:u', 'majority', 'down'],
  ['weighs regions, not agents', 'eu:d us:d ap:uuuuuuu', 'majority', 'down'],
  ['needs more than half of the regions', 'eu:dd us:dd ap:u sa:u', 'majority', 'up'],
  ['takes half of a region for no word against', 'eu:d us:d ap:du', 'majority', 'down'],
  ['goes by the only region that has an opinion', 'eu:dd us:??', 'majority', 'down'],
  ['is degraded when more than half say degraded or worse', 'eu:dgu', 'majority', 'degraded'],
  ['is up when fewer do', 'eu:guu', 'majority', 'up'],
  ['goes down for any agent', 'eu:uuuu us:ud', 'any', 'down'],
  ['goes down only when all say so', 'eu:ddd us:du', 'all', 'up'],
  ['goes down when all say so', 'eu:ddd us:dd', 'all', 'down'],
  ['needs n agents', 'eu:d us:duu', 3, 'up'],
  ['goes down on n agents of two regions', 'eu:d us:dduu', 3, 'down'],
  ['does not go down on n agents of one region', 'eu:uu us:ddd', 3, 'up'],
  ['goes down for one agent when n is 1', 'eu:uu us:duu', 1, 'down'],
  ['needs no more than all agents that are known', 'eu:d', 3, 'down'],
];

for (const [behaviour, text, quorum, expected] of table) {
  test(`judge() with quorum ${quorum} ${behaviour}`, () => {
    const all = text === '' ? [] : votes(text);
    assert.equal(judge(all, quorum, all.length).verdict, expected);
  });
}

test('judge() counts silent agents as known when n are needed', () => {
  assert.equal(judge(votes('eu:d'), 3, 5).verdict, 'up');
});

test('judge() says how many agreed of how many, and from which regions', () => {
  const ruling = judge(votes('eu:dd us:du'), 'any', 4);
  assert.deepEqual(ruling, {
    verdict: 'down',
    voters: 4,
    agreeing: 3,
    downRegions: ['eu', 'us'],
  });
});

const anyVotes = fc.array(
  fc.record({
    agent: fc.constant('a'),
    region: fc.constantFrom('eu', 'us', 'ap'),
    state: fc.constantFrom<Verdict>('up', 'degraded', 'down', 'unknown'),
  }),
  { maxLength: 12 },
);

test('judge() with a majority never lets one region take a target down when two have opinions', () => {
  fc.assert(
    fc.property(anyVotes, (all) => {
      const present = new Set(all.filter((v) => v.state !== 'unknown').map((v) => v.region));
      const saying = new Set(all.filter((v) => v.state === 'down').map((v) => v.region));
      if (present.size < 2 || saying.size !== 1) return;
      assert.notEqual(judge(all, 'majority', all.length).verdict, 'down');
    }),
  );
});

test('judge() never lets another down vote bring a target up', () => {
  const quorum = fc.constantFrom<Quorum>('any', 'majority', 'all', 2, 3);
  fc.assert(
    fc.property(anyVotes, quorum, fc.nat(), (all, kind, place) => {
      const worse = all.map((vote, at) =>
        at === place % Math.max(1, all.length) && vote.state !== 'unknown'
          ? { ...vote, state: 'down' as const }
          : vote,
      );
      if (judge(all, kind, 12).verdict !== 'down') return;
      assert.equal(judge(worse, kind, 12).verdict, 'down');
    }),
  );
});

test('checksToChange() is undefined when no run is under way', () => {
  assert.equal(checksToChange(votes('eu:uud'), 'majority', 3), undefined);
});

test('checksToChange() waits for as many agents as the quorum still needs', () => {
  const failing = (checks: number) => ({ next: { state: 'down' as const, checks } });
  const [a, b, c] = votes('eu:uuu') as [AgentVote, AgentVote, AgentVote];
  assert.equal(checksToChange([{ ...a, ...failing(1) }, b, c], 'majority', 3), undefined);
  const two = [{ ...a, ...failing(1) }, { ...b, ...failing(2) }, c];
  assert.equal(checksToChange(two, 'majority', 3), 2);
  assert.equal(checksToChange(two, 'any', 3), 1);
});
