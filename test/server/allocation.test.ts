import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlot, setPeer } from '../../src/server/answer-datagram.ts';
import { answerQuery } from '../../src/server/answer-query.ts';
import { counterAt } from '../../src/server/counters.ts';
import { protectionSettings } from '../../src/server/protection-settings.ts';
import type { Responder } from '../../src/server/responder.ts';
import { makeRequest, makeResponder, makeUpdate, testPeer } from './harness.ts';

const zone = `$TTL 300
@     SOA ns1 hostmaster 1 7200 900 1209600 60
@     NS ns1
@     MX 10 ns1
ns1   A 192.0.2.53
*.w   A 192.0.2.9
alias CNAME www
d     DNAME w
sub   NS ns.sub
ns.sub A 192.0.2.60
www   STEER web
`;

const questions = [
  'ns1.example.com. A',
  'example.com. MX',
  'none.example.com. A',
  'x.y.w.example.com. A',
  'alias.example.com. AAAA',
  'x.d.example.com. A',
  'q.sub.example.com. A',
  'www.example.com. A',
  'example.net. A',
];

const services = { web: { a: ['203.0.113.200', '198.51.100.2'], aaaa: ['2001:db8::1'] } };
const update = makeUpdate({ 'example.com.': zone }, services);

/** Octets of heap per query that `answerQuery` leaves behind. */
function heapPerQuery(responder: Responder, options: [number, string][]): number {
  responder.attach(createSlot());
  setPeer(responder, testPeer);
  const requests = questions.map((question) => makeRequest(question, { edns: { options } }));
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      for (let index = 0; index < requests.length; index += 1) {
        const request = requests[index]!;
        responder.bytes.set(request);
        answerQuery(responder, 0, request.length, 65_535);
      }
    }
  };
  const rounds = Math.ceil(1_000_000 / requests.length);
  run(rounds); // so that the functions are compiled, and again for these settings
  const before = process.memoryUsage().heapUsed;
  run(rounds);
  return (process.memoryUsage().heapUsed - before) / (rounds * requests.length);
}

// Over a million queries: one object or boxed number each would be 12 octets or more; in one of
// ten queries it would still be seen.
const leastObjectBytes = 1;

test('answerQuery() allocates nothing per query', () => {
  const perQuery = heapPerQuery(makeResponder(update), [
    [8, '00011800cb0071'],
    [3, ''],
  ]);
  assert.ok(perQuery < leastObjectBytes, `${perQuery} octets per query`);
});

test('answerQuery() allocates nothing for a client that is limited', () => {
  const limited = makeResponder(update, protectionSettings({}));
  const perQuery = heapPerQuery(limited, [[3, '']]);
  assert.ok(perQuery < leastObjectBytes, `${perQuery} octets per query`);
  assert.ok((limited.counters[counterAt.limited] ?? 0) > 300_000);
});

test('answerQuery() allocates nothing for cookies', () => {
  // Of now, but signed by nobody: every secret is tried, and a new one is made.
  const now = Math.floor(Date.now() / 1000).toString(16);
  const cookie = `001122334455667701000000${now}0011223344556677`;
  const perQuery = heapPerQuery(
    makeResponder(update, protectionSettings({ rateLimit: { perSecond: 0 } })),
    [[10, cookie]],
  );
  assert.ok(perQuery < leastObjectBytes, `${perQuery} octets per query`);
});
