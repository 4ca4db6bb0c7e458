import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Asking } from './support/asking.ts';
import { leaderOf, membersOn, untilServed, webTraffic, webZone } from './support/cluster.ts';
import { missing } from './support/processes.ts';
import { startSentinelGroup } from './support/sentinel.ts';
import { assertNothingLost, untilCaughtUp, untilSame } from './support/whole-truth.ts';
import { laneRecords, Writers } from './support/writers.ts';

const skip = missing('redis-server', 'redis-cli', 'redis-sentinel');

test('Redis fails over by Sentinel, and no write and no query is lost', { skip }, async (t) => {
  const group = await startSentinelGroup(t);
  const files = {
    zone: `${webZone}${laneRecords}`,
    traffic: webTraffic(1, '127.0.8.1', '127.0.8.2'),
  };
  const cluster = await membersOn(t, group.url, files);
  const one = await cluster.add('one', 'controller');
  await leaderOf([one]);
  const two = await cluster.add('two', 'controller');
  const nodes = [await cluster.add('n1', 'node'), await cluster.add('n2', 'node')];
  const members = [one, two, ...nodes];
  for (const node of nodes) await untilServed(node, 'www.cluster.test', 'A', ['127.0.8.1']);
  await group.untilInSync();
  const writers = new Writers(t, [one, two]);
  const askings = await Promise.all(
    nodes.map(({ name, running }) => Asking.start(t, { name, port: running.port }, writers)),
  );
  await writers.more(20);

  await t.test('kill -9 of the master, with writes that its replica lacks', async (t) => {
    const master = await group.master();
    const [replica = master] = group.servers.filter((server) => server !== master);
    // It stands still without a connection, so that nothing lies ready for it to read.
    replica.child.kill('SIGSTOP');
    await master.cli('client', 'kill', 'type', 'replica');
    await writers.more(6);
    await master.stop('SIGKILL');
    replica.child.kill('SIGCONT');
    const [ackMs, chosenMs] = await Promise.all([writers.nextAckMs(), group.untilFailover(master)]);
    t.diagnostic(
      `kill -9 of the master → Sentinel has another: ${chosenMs.toFixed(0)} ms, a write is taken: ${ackMs.toFixed(0)} ms`,
    );
    await writers.more(10);
    await untilCaughtUp(nodes, writers);
    await master.restart();
    await group.untilInSync();
    await writers.more(10);
  });

  await t.test('the master hangs, and wakes up after another has taken its place', async (t) => {
    const master = await group.master();
    t.after(() => master.child.kill('SIGCONT'));
    master.child.kill('SIGSTOP');
    const [ackMs, chosenMs] = await Promise.all([writers.nextAckMs(), group.untilFailover(master)]);
    t.diagnostic(
      `the master hangs → Sentinel has another: ${chosenMs.toFixed(0)} ms, a write is taken: ${ackMs.toFixed(0)} ms`,
    );
    await writers.more(10);
    master.child.kill('SIGCONT');
    await writers.more(20);
    await group.untilInSync();
    await writers.more(10);
  });

  await writers.end();
  t.diagnostic(writers.summary());
  t.diagnostic(`all the same after ${(await untilSame(members)).toFixed(0)} ms more`);
  await assertNothingLost(writers, members);
  for (const asking of askings) {
    assert.deepEqual(await asking.end(), []);
    t.diagnostic(`${asking.asked} queries, none failed`);
  }
});
