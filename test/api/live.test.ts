import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { listenApi } from '../../src/api/listen-api.ts';
import { limits } from '../../src/base/limits.ts';
import type { Verdict } from '../../src/health/verdict.ts';
import { report } from '../health/fleet-fixture.ts';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

/** Reports all VIPs as up, but for those given. */
function tell(harness: Harness, sequence: number, states: Readonly<Record<string, Verdict>>): void {
  const all = Object.fromEntries(harness.health.plan().map(({ id }) => [id, 'up' as Verdict]));
  harness.health.receive(report('eu1', sequence, { ...all, ...states }));
}

describe('health', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
    tell(harness, 1, {});
    harness.clock.advance(40_000);
    tell(harness, 2, { 'https@2001:db8:2::10': 'down' });
  });
  after(() => harness.close());

  test('/v1/health shows every member with its VIPs and one word for all of them', async () => {
    const [web] = (await harness.call('GET', '/v1/health')).json().items;
    assert.equal(web.service, 'web');
    const verdicts = web.members.map(({ member, verdict }: { member: string; verdict: string }) => [
      member,
      verdict,
    ]);
    assert.deepEqual(verdicts.sort(), [
      ['eu-west', 'degraded'],
      ['us-east', 'up'],
    ]);
    const one = (await harness.call('GET', '/v1/health/web')).json();
    assert.deepEqual(one, web);
  });

  test('/v1/health/{service}/{member} shows each target with the votes behind it', async () => {
    const view = (await harness.call('GET', '/v1/health/web/eu-west')).json();
    const target = view.targets.find(
      ({ address }: { address: string }) => address === '2001:db8:2::10',
    );
    assert.equal(target.verdict, 'down');
    assert.equal(target.votes[0].agent, 'eu1');
    assert.equal(target.votes[0].state, 'down');
  });

  test('what is not there is 404', async () => {
    for (const path of ['none', 'none/eu-west', 'web/none']) {
      const response = await harness.call('GET', `/v1/health/${path}`);
      assert.equal(response.statusCode, 404, path);
      assert.match(problemOf(response).detail, /"none"/);
    }
  });

  test('/v1/health-events runs from new to old, in pages', async () => {
    const { call } = harness;
    const all = (await call('GET', '/v1/health-events')).json();
    assert.equal(all.items[0].address, '2001:db8:2::10');
    assert.equal(all.items[0].to, 'down');
    const sequences = all.items.map(({ sequence }: { sequence: number }) => sequence);
    const count = sequences.length;
    assert.ok(count >= 4);
    assert.deepEqual(
      sequences,
      Array.from({ length: count }, (_, at) => count - at),
    );
    const walked: number[] = [];
    for (let cursor = ''; ; ) {
      const page = (await call('GET', `/v1/health-events?limit=3${cursor}`)).json();
      walked.push(...page.items.map(({ sequence }: { sequence: number }) => sequence));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    assert.deepEqual(walked, sequences);
  });

  test('POST /v1/load is seen in health, and what was wrong is told', async () => {
    const { call } = harness;
    const samples = [
      { service: 'web', member: 'eu-west', load: 120 },
      { service: 'web', member: 'moon', load: 1 },
      { service: 'web', member: 'eu-west', load: -1 },
    ];
    const response = (await call('POST', '/v1/load', { body: { samples } })).json();
    assert.equal(response.accepted, 1);
    assert.match(response.problems[0].message, /moon/);
    assert.deepEqual(
      response.problems.map(({ where }: { where: string }) => where),
      ['/samples/1', '/samples/2/load'],
    );
    const view = (await call('GET', '/v1/health/web/eu-west')).json();
    assert.equal(view.load, 120);
    const none = await call('POST', '/v1/load', { body: { samples: samples.slice(1) } });
    assert.equal(none.statusCode, 422);
  });
});

interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads a stream of events as the specification says (WHATWG HTML §9.2.6). */
class EventReader {
  readonly events: SseEvent[] = [];
  lastId = '';
  ended = false;
  readonly #controller = new AbortController();
  #wake: () => void = () => {};

  static async open(
    url: string,
    headers: Record<string, string>,
  ): Promise<{ response: Response; reader: EventReader }> {
    const reader = new EventReader();
    const response = await fetch(url, { headers, signal: reader.#controller.signal });
    if (response.ok) void reader.#read(response).catch(() => {});
    return { response, reader };
  }

  async #read(response: Response): Promise<void> {
    let buffer = '';
    try {
      for await (const chunk of response.body ?? []) {
        buffer += Buffer.from(chunk as Uint8Array).toString('utf8');
        const blocks = buffer.split('\n\n');
        buffer = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
      }
    } finally {
      this.ended = true;
      this.#wake();
    }
  }

  #take(block: string): void {
    const fields = new Map<string, string>();
    for (const line of block.split('\n')) {
      const colon = line.indexOf(': ');
      if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
    this.lastId = fields.get('id') ?? this.lastId;
    const data = fields.get('data');
    if (data !== undefined) {
      const event = fields.get('event') ?? 'message';
      this.events.push({ id: this.lastId, event, data: JSON.parse(data) });
    }
    this.#wake();
  }

  /** Waits until the condition holds, looking again after everything that arrives. */
  async until(holds: () => boolean, push: () => void = () => {}): Promise<void> {
    const deadline = Date.now() + 5000;
    while (!holds()) {
      assert.ok(Date.now() < deadline, `waited in vain; have ${JSON.stringify(this.events)}`);
      push();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, 20);
      });
    }
  }

  close(): void {
    this.#controller.abort();
  }
}

describe('/v1/events', () => {
  let harness: Harness;
  let url: string;
  const readers: EventReader[] = [];
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
    const address = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
    url = `${address.url}/v1/events`;
  });
  after(async () => {
    for (const reader of readers) reader.close();
    await harness.close();
  });

  const open = async (headers: Record<string, string> = {}, token = harness.admin) => {
    const opened = await EventReader.open(url, { authorization: `Bearer ${token}`, ...headers });
    readers.push(opened.reader);
    return opened;
  };
  const tick = () => harness.clock.advance(250);

  test('sends revisions and verdicts as they happen, and heartbeats', async () => {
    const { response, reader } = await open();
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    await reader.until(() => reader.lastId !== '');
    await harness.call('PATCH', '/v1/regions/eu-west', { body: { dial: 60 } });
    tell(harness, 1, {});
    await reader.until(() => reader.events.length >= 4, tick);
    const [revision, ...verdicts] = reader.events;
    assert.equal(revision?.event, 'revision');
    assert.equal(revision?.data['summary'], 'PATCH /v1/regions/eu-west');
    assert.deepEqual(revision?.data['objects'], [{ kind: 'region', id: 'eu-west' }]);
    assert.deepEqual(
      verdicts.map(({ event, data }) => `${event} ${data['to']}`),
      ['health up', 'health up', 'health up'],
    );
    reader.close();
  });

  test('sends a reader that comes back what it missed, once and in order', async () => {
    const first = await open();
    await first.reader.until(() => first.reader.lastId !== '');
    const { lastId } = first.reader;
    first.reader.close();
    for (const dial of [10, 20, 30]) {
      await harness.call('PATCH', '/v1/regions/us-east', { body: { dial } });
    }
    const { reader } = await open({ 'last-event-id': lastId });
    await harness.call('PATCH', '/v1/regions/us-east', { body: { dial: 40 } });
    await reader.until(() => reader.events.length >= 4, tick);
    const newest = harness.controller.configuration().revision;
    assert.deepEqual(
      reader.events.map(({ data }) => data['number']),
      [newest - 3, newest - 2, newest - 1, newest],
    );
    reader.close();
  });

  test('begins at the present for an id that is none or from the future', async () => {
    for (const id of ['nonsense', '999999.999999', '-1.2']) {
      const { reader } = await open({ 'last-event-id': id });
      await reader.until(() => reader.lastId !== '');
      assert.deepEqual(reader.events, [], id);
      reader.close();
    }
  });

  test('ends when the token of the reader is revoked', async () => {
    const { secret, token } = await harness.makeToken({ name: 'soon gone', scopes: ['read'] });
    const { reader } = await open({}, secret);
    await reader.until(() => reader.lastId !== '');
    await harness.call('DELETE', `/v1/tokens/${token.id}`);
    await reader.until(
      () => reader.ended,
      () => harness.clock.advance(16_000),
    );
  });

  test('refuses streams over the cap with 503 and takes them again later', async () => {
    for (const reader of readers) reader.close();
    const opened: EventReader[] = [];
    for (let at = 0; at < limits.eventStreams; at++) {
      const { response, reader } = await openSoon();
      assert.equal(response.status, 200);
      opened.push(reader);
    }
    const refused = await open();
    assert.equal(refused.response.status, 503);
    assert.equal(refused.response.headers.get('retry-after'), '10');
    assert.equal(((await refused.response.json()) as { code: string }).code, 'E_STREAMS');
    for (const reader of opened) reader.close();
    assert.equal((await openSoon()).response.status, 200);
  });

  /** Opens a stream as soon as the server has seen that earlier ones are closed. */
  async function openSoon(): Promise<{ response: Response; reader: EventReader }> {
    for (let attempt = 0; ; attempt++) {
      const opened = await open();
      if (opened.response.status === 200 || attempt === 100) return opened;
      await opened.response.body?.cancel();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  test('close() of the API ends every stream', async () => {
    const other = await startHarness();
    const { url: base } = await listenApi(other.api, { host: '127.0.0.1', port: 0 });
    const { reader } = await EventReader.open(`${base}/v1/events`, {
      authorization: `Bearer ${other.admin}`,
    });
    await reader.until(() => reader.lastId !== '');
    await other.close();
    await reader.until(() => reader.ended);
  });
});
