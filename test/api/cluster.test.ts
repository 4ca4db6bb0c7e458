import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { listenApi } from '../../src/api/listen-api.ts';
import type { ClusterView, ServedBy } from '../../src/control/cluster-view.ts';
import { clusterView } from './cluster-view.ts';
import { fillExample, startHarness } from './harness.ts';

const zone = `$TTL 300
@ SOA ns1 hostmaster 1 7200 900 1209600 300
@ NS ns1
ns1 A 192.0.2.53
`;

/** Two APIs over two stores: one leads, the other knows where. */
async function pair(t: TestContext, more: Partial<ClusterView> = {}) {
  const leader = await startHarness({ cluster: clusterView(more) });
  const { url } = await listenApi(leader.api, { host: '127.0.0.1', port: 0 });
  const away = { leader: () => ({ id: 'lead', url, isSelf: false }) };
  const standby = await startHarness({ cluster: clusterView(away) });
  const { url: standbyUrl } = await listenApi(standby.api, { host: '127.0.0.1', port: 0 });
  // Tokens replicate; here both sides are given the same one.
  const secret = 'shared-secret-shared-secret';
  leader.tokens.takeEnvironment(secret);
  standby.tokens.takeEnvironment(secret);
  t.after(async () => {
    await standby.close();
    await leader.close();
  });
  const put = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${standbyUrl}${path}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'text/dns', ...headers },
      body,
    });
  return { leader, standby, put, secret, standbyUrl };
}

test('a write to a standby is forwarded to the leader, headers, body and answer', async (t) => {
  const { leader, standby, put, standbyUrl, secret } = await pair(t);
  const answer = await put('/v1/zones/forward.test', zone, { 'idempotency-key': 'k1' });
  assert.equal(answer.status, 201, await answer.clone().text());
  const revision = leader.controller.configuration().revision;
  assert.equal(answer.headers.get('x-revision'), String(revision));
  assert.equal(leader.controller.revision(revision)?.summary, 'PUT /v1/zones/forward.test');
  assert.equal(standby.controller.configuration().zones.has('forward.test.'), false);
  const again = await put('/v1/zones/forward.test', zone, { 'idempotency-key': 'k1' });
  assert.equal(again.headers.get('x-revision'), String(revision));
  // What the leader refuses is refused with its words.
  const bad = await put('/v1/zones/forward.test', 'nonsense');
  assert.equal(bad.status, 422);
  // Reading, and what every controller takes, stay here.
  const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' };
  const read = await fetch(`${standbyUrl}/v1/zones/forward.test`, { headers });
  assert.equal(read.status, 404);
  const load = await fetch(`${standbyUrl}/v1/load`, {
    method: 'POST',
    headers,
    body: '{"samples":[]}',
  });
  assert.notEqual(load.status, 503);
});

test('an enrolment at a standby is forwarded, and a token for one enrols one over both', async (t) => {
  const { leader, standby, standbyUrl } = await pair(t);
  const wish = { name: 'once', scopes: ['agent:enroll:once'] };
  const { secret } = await leader.makeToken(wish);
  const revision = leader.controller.configuration().revision;
  // The standby has the token by the same revision, and has not heard yet that it is used up.
  await standby.controller.follow(leader.replicated(revision), () => undefined);
  const enrol = (name: string) =>
    fetch(`${standbyUrl}/v1/agents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name, location: 'aws:eu-west-1', publicKey: 'A'.repeat(43) }),
    });
  const statuses = (await Promise.all([enrol('one'), enrol('two')])).map(({ status }) => status);
  assert.equal(statuses.filter((status) => status === 201).length, 1, statuses.join());
  assert.equal(leader.controller.configuration().traffic.agents?.size, 1);
  assert.equal(standby.controller.configuration().traffic.agents, undefined);
  // Enrolled and used up by one revision.
  assert.deepEqual(
    leader.controller.revision(revision + 1)?.changes.map(({ kind }) => kind),
    ['agent', 'token'],
  );
  // Who did not get that answer asks again, before the standby has heard of it and after.
  const enrolled = statuses[0] === 201 ? 'one' : 'two';
  assert.equal((await enrol(enrolled)).status, 200);
  await standby.controller.follow(leader.replicated(revision + 1), () => undefined);
  assert.equal((await enrol(enrolled)).status, 200);
  assert.equal((await enrol('three')).status, 401);
});

test('a write is refused with the leader and its address where it cannot be forwarded', async (t) => {
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => closed.once('listening', done));
  const { port } = closed.address() as AddressInfo;
  await new Promise((done) => closed.close(done));
  const url = `http://127.0.0.1:${port}`;
  const cases: readonly (readonly [RegExp, ReturnType<ClusterView['leader']>, 'all' | 'node'])[] = [
    [/no controller leads at the moment/, undefined, 'all'],
    [
      /lead at http:\/\/127.* leads and cannot be reached/,
      { id: 'lead', url, isSelf: false },
      'all',
    ],
    [/lead leads and has not said where/, { id: 'lead', url: '', isSelf: false }, 'all'],
    [/a node takes no changes; send it to lead at/, { id: 'lead', url, isSelf: false }, 'node'],
  ];
  for (const [pattern, leader, role] of cases) {
    const harness = await startHarness({ cluster: clusterView({ leader: () => leader }), role });
    t.after(() => harness.close());
    const response = await harness.call('DELETE', '/v1/zones/example.com');
    assert.equal(response.statusCode, 503);
    assert.equal(response.json().code, 'E_NOT_LEADER');
    assert.match(response.json().detail, pattern);
  }
});

test('a request is forwarded once: two controllers that take each other for the leader end it', async (t) => {
  const harness = await startHarness({
    cluster: clusterView({ leader: () => ({ id: 'x', url: 'http://127.0.0.1:9', isSelf: false }) }),
  });
  t.after(() => harness.close());
  const response = await harness.call('DELETE', '/v1/zones/example.com', {
    headers: { 'x-meridian-forwarded': '1' },
  });
  assert.equal(response.json().code, 'E_NOT_LEADER');
  assert.match(response.json().detail, /was forwarded here, but x at/);
});

test('a leader that takes a request and falls silent leaves it in doubt', async (t) => {
  const silent = createServer((request) => request.socket.destroy()).listen(0, '127.0.0.1');
  await new Promise((done) => silent.once('listening', done));
  t.after(() => silent.close());
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const harness = await startHarness({
    cluster: clusterView({ leader: () => ({ id: 'x', url, isSelf: false }) }),
  });
  t.after(() => harness.close());
  const response = await harness.call('DELETE', '/v1/zones/example.com');
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().code, 'E_IN_DOUBT');
});

test('a leader that stands still is not waited for once another leads', async (t) => {
  const { promise: asked, resolve: wasAsked } = Promise.withResolvers<void>();
  const still = createServer(() => wasAsked()).listen(0, '127.0.0.1');
  await new Promise((done) => still.once('listening', done));
  t.after(() => still.close());
  const url = `http://127.0.0.1:${(still.address() as AddressInfo).port}`;
  let leader: ReturnType<ClusterView['leader']> = { id: 'x', url, isSelf: false };
  const harness = await startHarness({ cluster: clusterView({ leader: () => leader }) });
  t.after(() => harness.close());
  const answer = harness.call('DELETE', '/v1/zones/example.com');
  await asked;
  // Between two leaders there is none for a while; the first may still answer.
  leader = undefined;
  harness.clock.advance(10_000);
  assert.equal(await Promise.race([answer, delay(50, 'waits')]), 'waits');
  leader = { id: 'y', url, isSelf: false };
  harness.clock.advance(1000);
  const response = await answer;
  assert.equal(response.statusCode, 503);
  assert.equal(response.json().code, 'E_IN_DOUBT');
  assert.match(response.json().detail, /y leads by now/);
});

test('?wait= holds the answer until all serve the change, or says who does not', async (t) => {
  const asked: [number, number][] = [];
  const words: ServedBy[] = [
    { serving: 3, live: 3, missing: [], at: '2026-01-01T00:00:00.000Z' },
    { serving: 2, live: 3, missing: ['fra-2'], at: null },
  ];
  const harness = await startHarness({
    cluster: clusterView({
      waitServed: async (revision, timeoutMs) => {
        asked.push([revision, timeoutMs]);
        return words.shift() as ServedBy;
      },
    }),
  });
  t.after(() => harness.close());
  await fillExample(harness);
  const region = '/v1/regions/eu-west';
  const first = await harness.call('PATCH', `${region}?wait=served`, { body: { dial: 50 } });
  assert.equal(first.statusCode, 200, first.body);
  assert.equal(first.headers['x-served'], '3/3');
  assert.equal(first.headers['x-not-served'], undefined);
  const second = await harness.call('PATCH', `${region}?wait=250ms`, { body: { dial: 60 } });
  assert.equal(second.headers['x-served'], '2/3');
  assert.equal(second.headers['x-not-served'], 'fra-2');
  const revision = harness.controller.configuration().revision;
  assert.deepEqual(asked, [
    [revision - 1, 10_000],
    [revision, 250],
  ]);
  for (const wait of ['yes', '0s', '61s']) {
    const bad = await harness.call('PATCH', `${region}?wait=${wait}`, { body: { dial: 70 } });
    assert.equal(bad.statusCode, 400, wait);
  }
  assert.equal(harness.controller.configuration().revision, revision);
});

test('?wait= of a process of its own is answered at once: it serves what it has stored', async (t) => {
  const harness = await startHarness();
  t.after(() => harness.close());
  await fillExample(harness);
  const path = '/v1/regions/eu-west?wait=served';
  const response = await harness.call('PATCH', path, { body: { dial: 50 } });
  assert.equal(response.headers['x-served'], '1/1');
});

test('/v1/nodes of a process of its own is a list of one, itself', async (t) => {
  const harness = await startHarness({ nodeId: 'alone' });
  t.after(() => harness.close());
  await fillExample(harness);
  const { revision } = harness.controller.configuration();
  const { items, ...state } = (await harness.call('GET', '/v1/nodes')).json();
  assert.deepEqual(
    [state.id, state.leader, state.leads, state.live, state.busUp, state.sequence],
    ['alone', 'alone', true, 1, null, revision],
  );
  assert.equal(items.length, 1);
  const [{ id, role, serving, digest, self, leads }] = items;
  assert.deepEqual(
    { id, role, serving, self, leads },
    { id: 'alone', role: 'all', serving: revision, self: true, leads: true },
  );
  assert.equal(digest, harness.controller.revision(revision)?.hash);
});

test('/v1/nodes lists the members, and a revision says how many serve it', async (t) => {
  const harness = await startHarness({ cluster: clusterView() });
  t.after(() => harness.close());
  await fillExample(harness);
  const { items, ...state } = (await harness.call('GET', '/v1/nodes')).json();
  assert.equal(state.leader, 'self');
  assert.deepEqual(
    items.map(({ id, serving }: { id: string; serving: number }) => [id, serving]),
    [['self', 5]],
  );
  const detail = (await harness.call('GET', '/v1/revisions/1')).json();
  assert.deepEqual(detail.servedBy, { serving: 1, live: 1, missing: [], at: null });
});
