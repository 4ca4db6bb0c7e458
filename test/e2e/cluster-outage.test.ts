import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askUdp, textsOf } from './support/ask.ts';
import {
  type ClusterMember,
  leaderOf,
  outputs,
  startCluster,
  untilServed,
  webTraffic,
  webZone,
} from './support/cluster.ts';
import { Origin } from './support/origin.ts';
import { freePort, missing, until } from './support/processes.ts';

const [west, east] = ['127.0.3.1', '127.0.3.2'];

const skip = missing('redis-server', 'redis-cli');

/** Asks a member all the time until `stop`, which returns how many questions got no right answer. */
function askAllTheTime(
  t: { after(callback: () => void): void },
  member: ClusterMember,
  name: string,
): { stop(): Promise<[number, number]> } {
  let isRunning = true;
  let asked = 0;
  let failed = 0;
  t.after(() => {
    isRunning = false;
  });
  const lane = async () => {
    while (isRunning) {
      const answer = await askUdp({ port: member.running.port, name, type: 'A' });
      asked += 1;
      if (answer === undefined || answer.rcode !== 0 || answer.answers.length === 0) failed += 1;
    }
  };
  const lanes = Promise.all([lane(), lane()]);
  return {
    async stop() {
      isRunning = false;
      await lanes;
      return [asked, failed];
    },
  };
}

const put = (member: ClusterMember, value: string, query = '') =>
  member.running
    .api('PUT', `/v1/zones/cluster.test/rrsets/now/TXT${query}`, {
      ttl: 60,
      values: [`"${value}"`],
    })
    .catch(() => undefined);

test('a cluster outlives its Redis, and nobody who asks notices', { skip }, async (t) => {
  const port = await freePort(west);
  const origins = [new Origin(west, port), new Origin(east, port)] as const;
  for (const origin of origins) await origin.start();
  t.after(() => Promise.all(origins.map((origin) => origin.die())));
  const cluster = await startCluster(t, {
    zone: webZone,
    traffic: webTraffic(port, west, east),
  });
  const one = await cluster.add('one', 'all');
  const two = await cluster.add('two', 'controller');
  const n1 = await cluster.add('n1', 'node');
  const n2 = await cluster.add('n2', 'node');
  const serving = [one, n1, n2];
  const all = [one, two, n1, n2];
  assert.equal((await leaderOf([one, two])).name, 'one');
  for (const member of serving) await untilServed(member, 'www.cluster.test', 'A', [west]);

  /** Everywhere at once: when each member first answers with this address, after a moment. */
  const movesTo = async (address: string) => {
    const startMs = performance.now();
    const times = await Promise.all(
      serving.map((member) => untilServed(member, 'www.cluster.test', 'A', [address])),
    );
    return { times, tookMs: performance.now() - startMs };
  };

  await t.test('a dead origin leaves the answers of all', async () => {
    // Checked at least once, so that fall begins from up.
    await until(
      async () => {
        const answer = await one.running.api('GET', '/v1/health/web/west');
        const member = (await answer.json()) as { targets: { verdict: string }[] };
        return member.targets.every(({ verdict }) => verdict === 'up') || undefined;
      },
      () => `west to be up: ${outputs([one])}`,
    );
    await origins[0].die();
    const { times, tookMs } = await movesTo(east);
    const [leaderMs = 0, ...nodeMs] = times;
    t.diagnostic(
      `origin dead → leader's answers moved: ${leaderMs.toFixed(0)} ms, all nodes': ${tookMs.toFixed(0)} ms ` +
        `(${(Math.max(...nodeMs) - leaderMs).toFixed(0)} ms after the leader's)`,
    );
  });

  await t.test('a node that starts while the bus is gone answers as before', async (t) => {
    t.after(() => cluster.redis.child.kill('SIGCONT'));
    await n2.running.stop('SIGTERM');
    cluster.redis.child.kill('SIGSTOP');
    const starting = n2.restart();
    // What was down stays down: the node has not checked anything itself yet.
    const answeredMs = await untilServed(n2, 'www.cluster.test', 'A', [east]);
    await starting;
    t.diagnostic(
      `cold start of a node without the bus: first answer after ${answeredMs.toFixed(0)} ms`,
    );
    assert.deepEqual(await textsOf(n2.running.port, 'www.cluster.test', 'A'), [east]);
  });

  await t.test(
    'while Redis hangs no query fails, writes are refused, and nodes judge alone',
    async () => {
      await until(
        async () =>
          (await put(one, 'before', '?wait=served'))?.headers.get('x-served') === '4/4' ||
          undefined,
        () => `all to be there: ${outputs(all)}`,
      );
      // Whatever fails here, Redis goes on for what comes next.
      t.after(() => cluster.redis.child.kill('SIGCONT'));
      const asking = [n1, n2].map((node) => askAllTheTime(t, node, 'www.cluster.test'));
      cluster.redis.child.kill('SIGSTOP');
      const refused = await until(
        async () => {
          const answer = await put(one, 'hanging');
          return answer?.status === 503 ? answer : undefined;
        },
        () => `a write to be refused: ${outputs([one, two])}`,
      );
      const { code } = (await refused.json()) as { code: string };
      assert.ok(['E_NO_BUS', 'E_NOT_LEADER', 'E_IN_DOUBT'].includes(code), code);
      await until(
        async () => {
          const answer = await n1.running.api('GET', '/v1/nodes');
          const view = (await answer.json()) as { healthSource: string };
          return view.healthSource === 'own' || undefined;
        },
        () => `n1 to judge alone: ${outputs([n1])}`,
        30_000,
      );
      // West comes back and the nodes find out by themselves.
      await origins[0].start();
      for (const node of [n1, n2]) await untilServed(node, 'www.cluster.test', 'A', [west], 30_000);
      for (const node of [n1, n2]) {
        assert.equal((await fetch(`${node.running.url}/anycast`)).status, 200);
      }
      cluster.redis.child.kill('SIGCONT');
      const startMs = performance.now();
      await until(
        async () =>
          (await put(one, 'after', '?wait=served'))?.headers.get('x-served') === '4/4' || undefined,
        () => `writes to be served by all again: ${outputs(all)}`,
      );
      t.diagnostic(
        `Redis back → a write is served by all: ${(performance.now() - startMs).toFixed(0)} ms`,
      );
      for (const asked of asking) {
        const [count, failed] = await asked.stop();
        t.diagnostic(`${count} queries, ${failed} failed`);
        assert.equal(failed, 0, outputs([n1, n2]));
      }
    },
  );

  await t.test('FLUSHALL loses nothing', async () => {
    const before = (await (await one.running.api('GET', '/v1')).json()) as { revision: number };
    assert.equal(await cluster.redis.cli('flushall'), 'OK');
    const startMs = performance.now();
    await until(
      async () =>
        (await put(one, 'flushed', '?wait=served'))?.headers.get('x-served') === '4/4' || undefined,
      () => `a write after FLUSHALL to be served by all: ${outputs(all)}`,
      30_000,
    );
    t.diagnostic(
      `FLUSHALL → a write is served by all: ${(performance.now() - startMs).toFixed(0)} ms`,
    );
    for (const member of serving) {
      assert.deepEqual(await textsOf(member.running.port, 'now.cluster.test', 'TXT'), [
        '"flushed"',
      ]);
      await untilServed(member, 'www.cluster.test', 'A', [west]);
    }
    const after = (await (await one.running.api('GET', '/v1')).json()) as { revision: number };
    assert.equal(after.revision, before.revision + 1);
  });

  await t.test('with every controller dead the nodes answer on and judge alone', async () => {
    await one.running.stop('SIGKILL');
    await two.running.stop('SIGKILL');
    await until(
      async () => {
        const views = await Promise.all(
          [n1, n2].map(async (node) => (await node.running.api('GET', '/v1/nodes')).json()),
        );
        return (
          views.every((view) => (view as { healthSource: string }).healthSource === 'own') ||
          undefined
        );
      },
      () => `the nodes to judge alone: ${outputs([n1, n2])}`,
      30_000,
    );
    await origins[0].die();
    for (const node of [n1, n2]) await untilServed(node, 'www.cluster.test', 'A', [east], 30_000);
  });
});
