import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textsOf } from './support/ask.ts';
import {
  type ClusterMember,
  leaderOf,
  outputs,
  startCluster,
  untilServed,
  webTraffic,
  webZone,
} from './support/cluster.ts';
import { missing, until } from './support/processes.ts';

const skip = missing('redis-server', 'redis-cli');

const txt = (value: number) => ({ ttl: 60, values: [`"${value}"`] });
const path = '/v1/zones/cluster.test/rrsets/now/TXT';

const put = (member: ClusterMember, value: number, query = '') =>
  member.running.api('PUT', `${path}${query}`, txt(value));

test('a small cluster serves one configuration everywhere', { skip }, async (t) => {
  const cluster = await startCluster(t, {
    zone: webZone,
    traffic: webTraffic(1, '127.0.2.1', '127.0.2.2'),
  });
  const one = await cluster.add('one', 'controller');
  const two = await cluster.add('two', 'controller');
  const nodes = [await cluster.add('n1', 'node'), await cluster.add('n2', 'node')];
  const all = [one, two, ...nodes];
  assert.equal((await leaderOf([one, two])).name, 'one');

  await t.test('what the first controller was filled with is served by all', async () => {
    for (const node of nodes) await untilServed(node, 'www.cluster.test', 'A', ['127.0.2.1']);
  });

  await t.test(
    'an accepted change is served by all, and the answer can wait for that',
    async () => {
      const times: number[] = [];
      for (let value = 1; value <= 20; value += 1) {
        const startMs = performance.now();
        const answer = await put(value % 2 === 0 ? one : two, value, '?wait=served');
        assert.ok(answer.ok, await answer.clone().text());
        times.push(performance.now() - startMs);
        assert.equal(answer.headers.get('x-served'), '4/4', outputs(all));
        for (const node of nodes) {
          const found = await textsOf(node.running.port, 'now.cluster.test', 'TXT');
          assert.deepEqual(found, [`"${value}"`]);
        }
      }
      times.sort((a, b) => a - b);
      t.diagnostic(
        `change → answered as served by all: median ${times[10]?.toFixed(0)} ms, most ${times.at(-1)?.toFixed(0)} ms`,
      );
    },
  );

  await t.test('/v1/nodes and the revision say so', async () => {
    const answer = await one.running.api('GET', '/v1/nodes');
    const view = (await answer.json()) as { leader: string; items: { id: string; role: string }[] };
    assert.equal(view.leader, 'one');
    assert.deepEqual(
      view.items.map(({ id, role }) => `${id} ${role}`),
      ['n1 node', 'n2 node', 'one controller', 'two controller'],
    );
  });

  await t.test('a node takes no writes and names the leader', async () => {
    // It hears who leads by heartbeats, which come once a second.
    await until(
      async () => {
        const answer = await put(nodes[0] as ClusterMember, 99);
        assert.equal(answer.status, 503);
        const problem = (await answer.json()) as { code: string; detail: string };
        return /one at http:\/\/127\.0\.0\.1:/.test(problem.detail) ? problem.code : undefined;
      },
      () => `the node to name the leader: ${outputs(nodes)}`,
    ).then((code) => assert.equal(code, 'E_NOT_LEADER'));
  });

  await t.test('tokens are those of the cluster on every member', async () => {
    const wish = { name: 'reader', scopes: ['read'] };
    const made = await two.running.api('POST', '/v1/tokens', wish);
    assert.equal(made.status, 201, await made.clone().text());
    const { secret, id } = (await made.json()) as { secret: string; id: string };
    const read = (member: ClusterMember) =>
      fetch(`${member.running.url}/v1/zones`, { headers: { authorization: `Bearer ${secret}` } });
    const isKnown = (known: boolean) =>
      until(
        async () => (await Promise.all(all.map(read))).every(({ ok }) => ok === known) || undefined,
        () => `the token to be ${known ? 'known' : 'gone'}: ${outputs(all)}`,
      );
    await isKnown(true);
    assert.equal((await one.running.api('DELETE', `/v1/tokens/${id}`)).status, 204);
    await isKnown(false);
  });

  await t.test('kill -9 of the leader: the standby takes writes within 10 s', async () => {
    const made = await one.running.api('POST', '/v1/tokens', { name: 'late', scopes: ['read'] });
    await one.running.stop('SIGKILL');
    const { secret } = (await made.json()) as { secret: string };
    const startMs = performance.now();
    const accepted = await until(
      async () => {
        const answer = await put(two, 1000).catch(() => undefined);
        return answer?.ok === true ? performance.now() - startMs : undefined;
      },
      () => `the standby to take over: ${outputs([two])}`,
    );
    t.diagnostic(`kill -9 of the leader → the standby took a write: ${accepted.toFixed(0)} ms`);
    const headers = { authorization: `Bearer ${secret}` };
    const read = await fetch(`${two.running.url}/v1/zones`, { headers });
    assert.equal(read.status, 200, 'a token that was made just before the death is none');
    for (const node of nodes) await untilServed(node, 'now.cluster.test', 'TXT', ['"1000"']);
    await one.restart();
    await until(
      async () => {
        const answer = await put(one, 1001, '?wait=served').catch(() => undefined);
        return answer?.headers.get('x-served') === '4/4' || undefined;
      },
      () => `the old leader to follow: ${outputs(all)}`,
    );
    for (const node of nodes) await untilServed(node, 'now.cluster.test', 'TXT', ['"1001"']);
  });

  await t.test('a graceful stop of the leader hands over at once', async () => {
    const leader = await leaderOf([one, two]);
    const other = leader === one ? two : one;
    await leader.running.stop('SIGTERM');
    const startMs = performance.now();
    await until(
      async () => (await put(other, 1002).catch(() => undefined))?.ok === true || undefined,
      () => `${other.name} to lead: ${outputs(all)}`,
    );
    t.diagnostic(
      `graceful stop → the standby took a write: ${(performance.now() - startMs).toFixed(0)} ms`,
    );
    await leader.restart();
  });
});
