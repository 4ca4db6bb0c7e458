import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSlot, setPeer } from '../../src/server/answer-datagram.ts';
import { answerQuery } from '../../src/server/answer-query.ts';
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

test('answerQuery() allocates nothing per query', () => {
  const services = { web: { a: ['203.0.113.200', '198.51.100.2'], aaaa: ['2001:db8::1'] } };
  const responder = makeResponder(makeUpdate({ 'example.com.': zone }, services));
  responder.attach(createSlot());
  setPeer(responder, testPeer);
  const edns = {
    options: [
      [8, '00011800cb0071'],
      [3, ''],
    ] as [number, string][],
  };
  const requests = questions.map((question) => makeRequest(question, { edns }));
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      for (let index = 0; index < requests.length; index += 1) {
        const request = requests[index]!;
        responder.bytes.set(request);
        answerQuery(responder, 0, request.length, 65_535);
      }
    }
  };
  run(20_000); // so that the functions are compiled
  const before = process.memoryUsage().heapUsed;
  run(20_000);
  const perQuery = (process.memoryUsage().heapUsed - before) / (20_000 * requests.length);
  // One object or boxed number each would be 12 octets or more.
  assert.ok(perQuery < 4, `${perQuery} octets per query`);
});
