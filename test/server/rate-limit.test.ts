import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { type Prefix, parseIp, parsePrefix } from '../../src/base/ip.ts';
import { Random } from '../../src/base/random.ts';
import { CoarseClock } from '../../src/server/coarse-clock.ts';
import { createRateLimitTable, RateLimit, verdicts } from '../../src/server/rate-limit.ts';

interface Options {
  readonly perSecond?: number;
  readonly slip?: number;
  readonly exempt?: readonly Prefix[];
  readonly entries?: number;
}

function makeLimit(options: Options = {}) {
  const clock = new VirtualClock();
  const time = new CoarseClock(clock);
  const table = createRateLimitTable(options.entries ?? 1024);
  const { perSecond = 50, slip = 2, exempt = [] } = options;
  const open = () => new RateLimit({ perSecond, slip, exempt, table }, time, new Random(1));
  const advance = (ms: number) => {
    clock.advance(ms);
    time.tick();
  };
  return { limit: open(), open, advance };
}

function peerOf(text: string): Int32Array {
  const { family, words } = parseIp(text) ?? assert.fail(text);
  return Int32Array.of(family, ...words);
}

/** Verdicts of `count` requests at once, by kind. */
function ask(limit: RateLimit, peer: string | Int32Array, count: number) {
  const words = typeof peer === 'string' ? peerOf(peer) : peer;
  const seen = { pass: 0, slip: 0, drop: 0 };
  for (let index = 0; index < count; index += 1) {
    const verdict = limit.judge(words);
    if (verdict === verdicts.pass) seen.pass += 1;
    else if (verdict === verdicts.slip) seen.slip += 1;
    else seen.drop += 1;
  }
  return seen;
}

test('RateLimit.judge() lets a silent client have 2.5 s of answers at once', () => {
  const { limit } = makeLimit();
  assert.deepEqual(ask(limit, '192.0.2.1', 125), { pass: 125, slip: 0, drop: 0 });
  assert.equal(ask(limit, '192.0.2.1', 100).pass, 0);
});

test('RateLimit.judge() lets through the rate while a flood goes on', () => {
  const { limit, advance } = makeLimit();
  ask(limit, '192.0.2.1', 1000);
  let passed = 0;
  for (let ms = 0; ms < 10_000; ms += 5) {
    advance(5);
    passed += ask(limit, '192.0.2.1', 5).pass;
  }
  assert.ok(Math.abs(passed - 500) <= 1, `${passed} in 10 s`);
});

test('RateLimit.judge() never limits a client that keeps to the rate', () => {
  const { limit, advance } = makeLimit();
  for (let round = 0; round < 5000; round += 1) {
    assert.equal(limit.judge(peerOf('192.0.2.1')), verdicts.pass);
    advance(20);
  }
});

test('RateLimit.judge() hints one in `slip` times, and never with slip 0', () => {
  const after = (slip: number) => {
    const { limit } = makeLimit({ slip });
    ask(limit, '192.0.2.1', 125);
    return ask(limit, '192.0.2.1', 3000);
  };
  assert.deepEqual(after(1), { pass: 0, slip: 3000, drop: 0 });
  assert.deepEqual(after(0), { pass: 0, slip: 0, drop: 3000 });
  // Standard deviations: 27 and 26.
  assert.ok(Math.abs(after(2).slip - 1500) < 110, `${after(2).slip}`);
  assert.ok(Math.abs(after(3).slip - 1000) < 110, `${after(3).slip}`);
});

test('RateLimit.judge() hints a client that asks in step with a flood', () => {
  const { limit } = makeLimit();
  ask(limit, '192.0.2.1', 125);
  const hints = Array.from({ length: 20 }, () => {
    ask(limit, '192.0.2.1', 1);
    return ask(limit, '192.0.2.1', 1).slip;
  });
  assert.ok(hints.includes(1) && hints.includes(0));
});

test('RateLimit.judge() counts IPv4 by address and IPv6 by /64', () => {
  const { limit } = makeLimit();
  ask(limit, '192.0.2.1', 125);
  assert.equal(ask(limit, '192.0.2.2', 1).pass, 1);
  ask(limit, '2001:db8::1', 125);
  assert.equal(ask(limit, '2001:db8::ffff:0:0:2', 1).pass, 0);
  assert.equal(ask(limit, '2001:db8:0:1::1', 1).pass, 1);
  // The words of 2001:db8:: and of 32.1.13.184 are the same.
  assert.equal(ask(limit, '32.1.13.184', 1).pass, 1);
});

test('RateLimit.judge() limits slow rates too', () => {
  const { limit, advance } = makeLimit({ perSecond: 1 });
  assert.equal(ask(limit, '192.0.2.1', 10).pass, 2);
  advance(10_000);
  assert.equal(ask(limit, '192.0.2.1', 10).pass, 2);
});

test('RateLimit.judge() never limits who is exempt', () => {
  const exempt = ['192.0.2.0/24', '2001:db8::/32'].map(
    (text) => parsePrefix(text) ?? assert.fail(),
  );
  const { limit } = makeLimit({ exempt });
  assert.equal(ask(limit, '192.0.2.77', 1000).pass, 1000);
  assert.equal(ask(limit, '2001:db8:1::', 1000).pass, 1000);
  assert.equal(ask(limit, '192.0.3.1', 1000).pass, 125);
});

test('RateLimit.judge() counts in one table for all threads', () => {
  const { limit, open } = makeLimit();
  const other = open();
  ask(limit, '192.0.2.1', 100);
  assert.equal(ask(other, '192.0.2.1', 100).pass, 25);
});

test('RateLimit.judge() forgets a client by the time that its clock has wrapped', () => {
  const { limit, advance } = makeLimit();
  // All moments of the wrap of 2^32 µs at which an old entry could seem to lie ahead.
  for (const minutes of [1, 20, 36, 50, 70, 71]) {
    ask(limit, '192.0.2.1', 1000);
    advance(minutes * 60_000);
    assert.equal(ask(limit, '192.0.2.1', 1000).pass, 125, `after ${minutes} minutes`);
  }
});

test('RateLimit.judge() keeps limiting through a flood of forged sources, and nobody else', () => {
  const { limit, advance } = makeLimit({ entries: 256 });
  const random = new Random(7);
  const victim = peerOf('198.51.100.7');
  const forged = Int32Array.of(4, 0, 0, 0, 0);
  ask(limit, victim, 1000);
  let passed = 0;
  let wronged = 0;
  for (let ms = 0; ms < 2000; ms += 1) {
    advance(1);
    passed += ask(limit, victim, 2).pass;
    for (let index = 0; index < 50; index += 1) {
      forged[1] = random.uint32();
      if (limit.judge(forged) !== verdicts.pass) wronged += 1;
    }
  }
  assert.ok(passed <= 101, `${passed} answers to the victim in 2 s`);
  assert.equal(wronged, 0);
});

test('RateLimit.judge() lets a newcomer into a set of limited clients', () => {
  const { limit } = makeLimit({ entries: 4 });
  for (let host = 1; host <= 8; host += 1) ask(limit, `192.0.2.${host}`, 200);
  assert.equal(ask(limit, '203.0.113.1', 125).pass, 125);
});
