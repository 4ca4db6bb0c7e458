import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../src/base/clock.ts';
import { SelfCheck } from '../../../src/cli/node/self-check.ts';

const listeners = [
  { host: '192.0.2.53', port: 53 },
  { host: '2001:db8::53', port: 53 },
];

/** A check whose questions get the answers of a script, in turn. */
function stage(answers: (string | undefined)[]) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  const check = new SelfCheck({
    clock,
    listeners,
    apex: () => 'example.com.',
    ask: async (listener) => {
      asked.push(listener.host);
      return answers.shift();
    },
  });
  return { clock, asked, check };
}

test('SelfCheck.look() asks every listener once and is content when all answer', async () => {
  const { asked, check } = stage([]);
  assert.deepEqual(await check.look(), { answers: true, reasons: [] });
  assert.deepEqual(asked, ['192.0.2.53', '2001:db8::53']);
});

test('SelfCheck.look() forgives one lost datagram and names the listener that is silent twice', async () => {
  const { check } = stage([undefined, 'no answer', undefined]);
  assert.equal((await check.look()).answers, true);
  const broken = stage([undefined, 'no answer', 'RCODE 2']);
  assert.deepEqual(await broken.check.look(), {
    answers: false,
    reasons: ['[2001:db8::53]:53: RCODE 2'],
  });
});

test('SelfCheck.look() checks at most once a second, however often it is asked', async () => {
  const { clock, asked, check } = stage([]);
  await Promise.all([check.look(), check.look()]);
  clock.advance(999);
  await check.look();
  assert.equal(asked.length, 2);
  clock.advance(1);
  await check.look();
  assert.equal(asked.length, 4);
});

test('SelfCheck.look() does not answer for a node without a zone', async () => {
  const clock = new VirtualClock();
  const none = new SelfCheck({
    clock,
    listeners,
    apex: () => undefined,
    ask: async () => undefined,
  });
  assert.deepEqual(await none.look(), { answers: false, reasons: ['no zone is served'] });
});
