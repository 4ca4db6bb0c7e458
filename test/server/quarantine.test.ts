import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { isQuarantined, Quarantine } from '../../src/server/quarantine.ts';
import { makeRequest } from './harness.ts';

const question = 'host.example.com. A';

function holds(quarantine: Quarantine, request: Uint8Array): boolean {
  const slots = new Uint8Array(64 + request.length + 64).fill(0xff);
  slots.set(request, 64);
  return isQuarantined(quarantine.requests, slots, 64, request.length);
}

test('Quarantine holds the same request whatever its id and letter case', () => {
  const quarantine = new Quarantine(new VirtualClock(), () => {});
  quarantine.add(makeRequest(question, { id: 1 }));
  assert.ok(holds(quarantine, makeRequest(question, { id: 2 })));
  assert.ok(holds(quarantine, makeRequest('hOsT.eXample.COM. A', { id: 3 })));
});

test('Quarantine lets every other request pass', () => {
  const quarantine = new Quarantine(new VirtualClock(), () => {});
  quarantine.add(makeRequest(question, { id: 1 }));
  assert.ok(!holds(quarantine, makeRequest('host.example.com. AAAA', { id: 1 })));
  assert.ok(!holds(quarantine, makeRequest('hosu.example.com. A', { id: 1 })));
  assert.ok(!holds(quarantine, makeRequest(question, { id: 1, edns: {} })));
});

test('Quarantine lets a request go after half a minute, and holds it longer each time', () => {
  const clock = new VirtualClock();
  const told: number[] = [];
  const quarantine = new Quarantine(clock, (requests) => told.push(requests.length));
  const request = makeRequest(question, { id: 1 });
  const terms = Array.from({ length: 6 }, () => {
    const termMs = quarantine.add(request);
    clock.advance(termMs - 1);
    assert.ok(holds(quarantine, request));
    clock.advance(1);
    assert.ok(!holds(quarantine, request));
    return termMs / 1000;
  });
  assert.deepEqual(terms, [30, 120, 480, 1920, 3600, 3600]);
  assert.deepEqual(told, [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]);
});

test('Quarantine starts the term anew when a held request kills again', () => {
  const clock = new VirtualClock();
  const quarantine = new Quarantine(clock, () => {});
  const request = makeRequest(question, { id: 1 });
  quarantine.add(request);
  clock.advance(20_000);
  quarantine.add(request);
  clock.advance(20_000);
  assert.ok(holds(quarantine, request));
});

test('Quarantine forgets the oldest beyond its cap', () => {
  const clock = new VirtualClock();
  const quarantine = new Quarantine(clock, () => {});
  const requests = Array.from({ length: limits.quarantinedRequests + 1 }, (_, number) =>
    makeRequest(`n${number}.example.com. A`, { id: 1 }),
  );
  for (const request of requests) quarantine.add(request);
  assert.equal(quarantine.requests.length, limits.quarantinedRequests);
  assert.ok(!holds(quarantine, requests[0]!));
  assert.ok(holds(quarantine, requests.at(-1)!));
});
