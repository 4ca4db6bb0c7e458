import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { EventStreams } from '../../src/api/event-stream.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { limits } from '../../src/base/limits.ts';
import { silentLog } from '../../src/base/log.ts';
import type { Controller } from '../../src/control/controller.ts';
import { clusterView } from './cluster-view.ts';

/** A response of which a test says how much its peer has not yet taken. */
class FakeResponse extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  writableEnded = false;
  destroyed = false;

  write(text: string): boolean {
    this.written.push(text);
    return true;
  }

  end(): void {
    this.writableEnded = true;
    this.emit('close');
  }

  destroy(): void {
    this.destroyed = true;
    this.emit('close');
  }
}

function fakeController(): Controller & { newest: number; fail: boolean } {
  const state = { newest: 1, fail: false };
  return Object.assign(state, {
    configuration: () => {
      if (state.fail) throw new Error('the store is gone');
      return { revision: state.newest };
    },
    revisions: (before: number, limit: number) =>
      Array.from({ length: state.newest }, (_, at) => ({
        number: state.newest - at,
        changes: [],
      }))
        .filter(({ number }) => number < before)
        .slice(0, limit),
    health: () => ({ events: () => [] }),
  }) as never;
}

test('EventStreams cuts off a reader that does not take what it is sent, and no other', () => {
  const clock = new VirtualClock();
  const controller = fakeController();
  const streams = new EventStreams(controller, clock, silentLog);
  const slow = new FakeResponse();
  const quick = new FakeResponse();
  for (const each of [slow, quick]) {
    streams.add(each as unknown as ServerResponse, undefined, () => true);
  }
  slow.writableLength = limits.eventStreamBufferBytes + 1;
  controller.newest = 2;
  clock.advance(250);
  assert.equal(slow.destroyed, true);
  assert.equal(streams.size, 1);
  assert.match(quick.written.at(-1) ?? '', /^id: 2\.0\nevent: revision\ndata: \{"number":2,/);
});

test('EventStreams sends heartbeats and outlives a controller that fails for a while', () => {
  const clock = new VirtualClock();
  const controller = fakeController();
  const streams = new EventStreams(controller, clock, silentLog);
  const response = new FakeResponse();
  streams.add(response as unknown as ServerResponse, undefined, () => true);
  controller.fail = true;
  clock.advance(1000);
  controller.fail = false;
  controller.newest = 3;
  clock.advance(15_000);
  assert.equal(response.written.filter((text) => text.includes('event: revision')).length, 2);
  assert.ok(response.written.includes(': still here\n\n'));
});

test('EventStreams stops polling when nobody reads', () => {
  const clock = new VirtualClock();
  const controller = fakeController();
  const streams = new EventStreams(controller, clock, silentLog);
  const response = new FakeResponse();
  streams.add(response as unknown as ServerResponse, undefined, () => true);
  response.end();
  controller.configuration = () => assert.fail('polled');
  clock.advance(60_000);
  assert.equal(streams.size, 0);
});

test('EventStreams greets a reader that comes back with where it stopped', () => {
  const controller = fakeController();
  controller.newest = 5;
  const streams = new EventStreams(controller, new VirtualClock(), silentLog);
  const response = new FakeResponse();
  const since = { revision: 3, health: 0 };
  streams.add(response as unknown as ServerResponse, since, () => true);
  const ids = response.written.map((text) => /^id: (.*)$/m.exec(text)?.[1]);
  assert.deepEqual(ids, ['3.0', '4.0', '5.0']);
});

test('EventStreams sends no event to a reader whose token was revoked', () => {
  const clock = new VirtualClock();
  const controller = fakeController();
  const streams = new EventStreams(controller, clock, silentLog);
  const response = new FakeResponse();
  let mayStay = true;
  streams.add(response as unknown as ServerResponse, undefined, () => mayStay);
  mayStay = false;
  controller.newest = 2;
  clock.advance(250);
  assert.equal(response.writableEnded, true);
  assert.ok(response.written.every((text) => !text.includes('event: revision')));
});

test('EventStreams sends the state of the cluster at first, and again when it changes', () => {
  const clock = new VirtualClock();
  const view = clusterView();
  const state = { ...view.state() };
  const streams = new EventStreams(fakeController(), clock, silentLog, {
    ...view,
    state: () => state,
  });
  const reader = new FakeResponse();
  streams.add(reader as unknown as ServerResponse, undefined, () => true);
  const events = () => reader.written.filter((text) => text.includes('event: cluster'));
  assert.equal(events().length, 1);
  assert.match(events()[0] ?? '', /"leader":"self","leads":true/);
  clock.advance(1000);
  assert.equal(events().length, 1);
  Object.assign(state, { leader: 'other', leads: false, busSilenceMs: 99 });
  clock.advance(250);
  assert.equal(events().length, 2);
  assert.match(events()[1] ?? '', /"leader":"other"/);
  // Ages move all the time and are no news.
  Object.assign(state, { busSilenceMs: 150, healthAgeMs: 3 });
  clock.advance(1000);
  assert.equal(events().length, 2);
  streams.close();
});
