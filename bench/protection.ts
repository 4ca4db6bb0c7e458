/**
 * Nanoseconds of what protects clients: the rate limit and DNS cookies, function by function.
 * Run: node bench/protection.ts [calls, default 2000000]
 */

import { systemClock } from '../src/base/clock.ts';
import type { Prefix } from '../src/base/ip.ts';
import { Random } from '../src/base/random.ts';
import { CoarseClock } from '../src/server/coarse-clock.ts';
import { Cookies } from '../src/server/cookies.ts';
import { createRateLimitTable, RateLimit } from '../src/server/rate-limit.ts';
import { halfSipHash13, sipHash24 } from '../src/server/siphash.ts';

const calls = Number(process.argv[2] ?? 2_000_000);
const rounds = 5;

/** Times `call` with a running index and prints the median of the rounds. */
function measure(name: string, call: (index: number) => number): void {
  const times: number[] = [];
  let sum = 0;
  for (let round = 0; round <= rounds; round += 1) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < calls; index += 1) sum = (sum + call(index)) | 0;
    if (round > 0) times.push(Number(process.hrtime.bigint() - start) / calls);
  }
  times.sort((a, b) => a - b);
  const [least = 0] = times;
  const median = times[rounds >> 1] ?? 0;
  process.stdout.write(
    `${name.padEnd(48)} ${median.toFixed(1).padStart(7)} ns  (least ${least.toFixed(1)}) ${sum === 7 ? ' ' : ''}\n`,
  );
}

const random = new Random(1);
const time = new CoarseClock(systemClock);
measure('CoarseClock.tick(), once a batch', () => {
  time.tick();
  return time.micros;
});

const key = Int32Array.from({ length: 4 }, () => random.uint32());
const message = new Int32Array(10);
const out = new Int32Array(2);
for (const bytes of [20, 32]) {
  measure(`sipHash24(), ${bytes} octets`, (index) => {
    message[0] = index;
    sipHash24(key, 0, message, bytes, out);
    return out[0] ?? 0;
  });
}
measure('halfSipHash13(), a prefix', (index) => halfSipHash13(1, 2, index, 0));

const peers = Int32Array.from({ length: 65_536 }, () => random.uint32());
const peer = Int32Array.of(4, 0, 0, 0, 0);
function measureLimit(
  name: string,
  perSecond: number,
  clients: number,
  exempt: readonly Prefix[] = [],
): void {
  const settings = { perSecond, slip: 2, exempt, table: createRateLimitTable() };
  const limit = new RateLimit(settings, time, random);
  measure(`RateLimit.judge(), ${name}`, (index) => {
    if ((index & 63) === 0) time.tick();
    peer[1] = peers[index & (clients - 1)] ?? 0;
    return limit.judge(peer);
  });
}
measureLimit('1 client, limited', 50, 1);
measureLimit('256 clients', 100_000, 256);
measureLimit('65,536 clients', 100_000, 65_536);
const everybody = { address: { family: 4, words: [0, 0, 0, 0] }, length: 0 } as const;
measureLimit('256 exempt clients', 50, 256, [everybody]);
const forged = new RateLimit(
  { perSecond: 50, slip: 2, exempt: [], table: createRateLimitTable() },
  time,
  random,
);
measure('RateLimit.judge(), forged sources without end', (index) => {
  if ((index & 63) === 0) time.tick();
  peer[1] = Math.imul(index, 0x9e3779b1);
  return forged.judge(peer);
});

const secrets = [0, 1].map((fill) => new Uint8Array(16).fill(fill));
const slot = new DataView(new ArrayBuffer(64));
for (const [family, octets] of [
  [4, 'IPv4'],
  [6, 'IPv6'],
] as const) {
  const cookies = new Cookies({ secrets, rollsOver: false }, time);
  const client = Int32Array.of(family, 0x0a000001, 0, 0, 0);
  measure(`Cookies, ${octets}, a client cookie alone`, () => {
    cookies.verify(slot, 0, 8, client);
    cookies.write(slot, 24);
    return slot.getInt32(40);
  });
  for (let at = 0; at < 24; at += 4) slot.setInt32(at, slot.getInt32(24 + at));
  measure(`Cookies, ${octets}, a valid server cookie, as before`, () => {
    const isValid = cookies.verify(slot, 0, 24, client);
    cookies.write(slot, 24);
    return isValid ? 1 : 0;
  });
  client[1] = 0x0a000002;
  measure(`Cookies, ${octets}, another client's, two secrets`, () => {
    const isValid = cookies.verify(slot, 0, 24, client);
    cookies.write(slot, 24);
    return isValid ? 1 : 0;
  });
}
