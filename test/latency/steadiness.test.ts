import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VirtualClock } from '../../src/base/clock.ts';
import { Random } from '../../src/base/random.ts';
import type { ClientClass } from '../../src/geo/client.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { choiceMembers } from '../../src/policy/shares.ts';
import { latency, places, question, service } from '../policy/build.ts';

const client: ClientClass = {
  prefixes: ['203.0.113.0/24'],
  coordinates: { latitude: 48.9, longitude: 2.4 },
};
const members = {
  ireland: { a: ['192.0.2.1'], aaaa: [] },
  frankfurt: { a: ['192.0.2.2'], aaaa: [] },
};
const web = service(latency(['ireland', 'frankfurt']), members);

/** Measures both regions every ten seconds and says whom the class is sent to, once a minute. */
function stage(seed: number) {
  const clock = new VirtualClock();
  const random = new Random(seed);
  const table = new LatencyTable({ clock, coordinatesOf: (region) => places[region] });
  const minute = (truth: Readonly<Record<string, number>>, noise: number): string => {
    for (let step = 0; step < 6; step += 1) {
      for (const [region, ms] of Object.entries(truth)) {
        for (let sample = 0; sample < 3; sample += 1) {
          const seen = ms * (1 + noise * (2 * random.fraction() - 1));
          table.measure({ prefix: '203.0.113.0/24', region, ms: seen });
        }
      }
      clock.advance(10_000);
    }
    while (table.settle());
    const { choice } = evaluate(question(web, { client, estimate: table.estimate }));
    return [...choiceMembers(choice)].sort().join('+');
  };
  const changes = (choices: readonly string[]) =>
    choices.filter((choice, index) => index > 0 && choice !== choices[index - 1]).length;
  return { minute, changes };
}

test('noise within the tolerance never moves a class, not even where a tie is about to break', () => {
  const about = fc.double({ min: 0.7, max: 1.3, noNaN: true });
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 8, max: 300, noNaN: true }), about, (seed, ms, edge) => {
      const ireland = ms;
      const frankfurt = ms + edge * Math.max(10, 0.1 * ms);
      const { changes, minute } = stage(seed);
      // Until trust has grown to what it stays at.
      for (let lead = 0; lead < 30; lead += 1) minute({ ireland, frankfurt }, 0.1);
      const choices: string[] = [];
      for (let at = 0; at < 60; at += 1) choices.push(minute({ ireland, frankfurt }, 0.1));
      assert.equal(changes(choices), 0, choices.join(' '));
    }),
    { numRuns: 30 },
  );
});

test('a real change moves a class once, and within the time that half of the memory takes', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 10, max: 100, noNaN: true }),
      fc.double({ min: 2.5, max: 6, noNaN: true }),
      (seed, ms, factor) => {
        const { changes, minute } = stage(seed);
        const before = { ireland: ms, frankfurt: ms * 1.4 + 15 };
        const after = { ireland: (ms * 1.4 + 15) * factor, frankfurt: ms * 1.4 + 15 };
        for (let lead = 0; lead < 60; lead += 1) minute(before, 0.05);
        const choices: string[] = [];
        for (let at = 0; at < 5; at += 1) choices.push(minute(before, 0.05));
        assert.deepEqual([...new Set(choices)], ['ireland']);
        for (let at = 0; at < 60; at += 1) choices.push(minute(after, 0.05));
        assert.equal(choices.at(-1), 'frankfurt');
        assert.equal(changes(choices), 1, choices.join(' '));
        assert.ok(choices.indexOf('frankfurt') <= 5 + 15, choices.join(' '));
      },
    ),
    { numRuns: 30 },
  );
});
