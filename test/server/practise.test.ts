import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makePractice } from '../../src/image/practice-image.ts';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import { practise } from '../../src/server/practise.ts';
import { protectionSettings } from '../../src/server/protection-settings.ts';
import { defaultSettings } from '../../src/server/settings.ts';
import { rcodes } from '../../src/wire/types.ts';
import { makeResponder, testPeer } from './harness.ts';

const practice = makePractice();

test('makePractice() asks for every kind of answer, and no request fails', () => {
  const responder = makeResponder(practice.image);
  const seen = new Set<number>();
  for (const request of [...practice.common, ...practice.all]) {
    const answer = answerDatagram(responder, request, testPeer);
    assert.ok(answer, Buffer.from(request).toString('hex'));
    seen.add((answer[3] ?? 0) & 15);
  }
  assert.deepEqual([...seen].sort(), [rcodes.NOERROR, rcodes.NXDOMAIN, rcodes.REFUSED]);
});

test('practise() answers, and leaves the table of the rate limit alone', () => {
  const settings = { ...defaultSettings, ...protectionSettings({}) };
  const table = new Int32Array(settings.rateLimit?.table ?? assert.fail());
  const before = table.slice();
  assert.ok(practise(practice, settings) > 1000);
  assert.deepEqual(table, before);
});
