import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { damp, holdMs, undamped } from '../../src/health/damping.ts';
import type { Verdict } from '../../src/health/verdict.ts';

/** Plays rulings in seconds, asking again every second, and returns `second:verdict` of each change. */
function play(rulings: readonly (readonly [number, Verdict])[], untilSeconds: number): string[] {
  let state = undamped(0);
  const changes: string[] = [];
  let ruling: Verdict = 'unknown';
  for (let second = 0; second <= untilSeconds; second++) {
    for (const [at, verdict] of rulings) if (at === second) ruling = verdict;
    const before = state.verdict;
    state = damp(state, ruling, second * 1000).state;
    if (state.verdict !== before) changes.push(`${second}:${state.verdict}`);
  }
  return changes;
}

const table: readonly (readonly [string, readonly (readonly [number, Verdict])[], string[]])[] = [
  ['publishes the first verdict at once', [[3, 'down']], ['3:down']],
  [
    'lets the first flip through at once',
    [
      [0, 'up'],
      [5, 'down'],
    ],
    ['0:up', '5:down'],
  ],
  [
    'holds the second flip until the hold is over',
    [
      [0, 'up'],
      [5, 'down'],
      [10, 'up'],
    ],
    ['0:up', '5:down', '35:up'],
  ],
  [
    'drops a flip that takes itself back inside the hold',
    [
      [0, 'up'],
      [5, 'down'],
      [10, 'up'],
      [12, 'down'],
    ],
    ['0:up', '5:down'],
  ],
  [
    'lets a target that was stable go down at once, again and again',
    [
      [0, 'up'],
      [5, 'down'],
      [40, 'up'],
      [80, 'down'],
    ],
    ['0:up', '5:down', '40:up', '80:down'],
  ],
  [
    'does not hold what goes on getting worse',
    [
      [0, 'up'],
      [5, 'degraded'],
      [8, 'down'],
    ],
    ['0:up', '5:degraded', '8:down'],
  ],
  [
    'does not hold what goes on getting better',
    [
      [0, 'down'],
      [5, 'degraded'],
      [8, 'up'],
    ],
    ['0:down', '5:degraded', '8:up'],
  ],
  [
    'passes silence at once and the next verdict too',
    [
      [0, 'up'],
      [5, 'down'],
      [10, 'unknown'],
      [12, 'up'],
    ],
    ['0:up', '5:down', '10:unknown', '12:up'],
  ],
];

for (const [behaviour, rulings, expected] of table) {
  test(`damp() ${behaviour}`, () => assert.deepEqual(play(rulings, 120), expected));
}

test('damp() says until when it holds', () => {
  const up = damp(undamped(0), 'up', 0).state;
  const down = damp(up, 'down', 1000).state;
  assert.deepEqual(damp(down, 'up', 2000), { state: down, heldUntilMs: 1000 + holdMs });
});

test('damp() never reverses twice within the hold, and always follows in the end', () => {
  const verdict = fc.constantFrom<Verdict>('up', 'degraded', 'down');
  const rank = { up: 0, degraded: 1, down: 2, unknown: 0 };
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(200), verdict), { maxLength: 20 }), (steps) => {
      let state = undamped(0);
      let nowMs = 0;
      const turns: { atMs: number; direction: number }[] = [];
      const ask = (ruling: Verdict) => {
        const before = state.verdict;
        state = damp(state, ruling, nowMs).state;
        if (before === 'unknown' || before === state.verdict) return;
        turns.push({ atMs: nowMs, direction: Math.sign(rank[state.verdict] - rank[before]) });
      };
      for (const [seconds, ruling] of steps) {
        nowMs += seconds * 100;
        ask(ruling);
      }
      for (const [place, turn] of turns.entries()) {
        const last = turns[place - 1];
        if (last === undefined || last.direction === turn.direction) continue;
        assert.ok(turn.atMs - last.atMs >= holdMs);
      }
      const final = steps.at(-1)?.[1];
      if (final === undefined) return;
      nowMs += holdMs;
      ask(final);
      assert.equal(state.verdict, final);
    }),
  );
});
