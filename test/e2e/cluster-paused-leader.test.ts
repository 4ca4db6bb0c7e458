import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../src/base/random.ts';
import { Asking } from './support/asking.ts';
import {
  type ClusterMember,
  leaderOf,
  startCluster,
  type TestCluster,
  untilServed,
  webTraffic,
  webZone,
} from './support/cluster.ts';
import { Origin } from './support/origin.ts';
import { freePort, missing } from './support/processes.ts';
import { assertNothingLost, untilCaughtUp, untilSame } from './support/whole-truth.ts';
import { laneRecords, Writers } from './support/writers.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);
const skip = missing('redis-server', 'redis-cli');
const [west, east] = ['127.0.7.1', '127.0.7.2'];

/** Two controllers and two nodes, with both origins alive. */
async function startScene(t: TestContext) {
  const port = await freePort(west);
  const origins = [new Origin(west, port), new Origin(east, port)] as const;
  for (const origin of origins) await origin.start();
  t.after(() => Promise.all(origins.map((origin) => origin.die())));
  const cluster = await startCluster(t, {
    zone: `${webZone}${laneRecords}`,
    traffic: webTraffic(port, west, east),
  });
  const one = await cluster.add('one', 'controller');
  const two = await cluster.add('two', 'controller');
  const nodes = [await cluster.add('n1', 'node'), await cluster.add('n2', 'node')];
  assert.equal((await leaderOf([one, two])).name, 'one');
  const members = [one, two, ...nodes];
  await untilSame(members);
  for (const node of nodes) await untilServed(node, 'www.cluster.test', 'A', [west]);
  return { ...{ cluster, one, two, nodes, members }, west: origins[0] };
}

const askAll = (t: TestContext, nodes: readonly ClusterMember[], writers: Writers) =>
  Promise.all(
    nodes.map(({ name, running }) => Asking.start(t, { name, port: running.port }, writers)),
  );

async function assertAllAnswered(t: TestContext, askings: readonly Asking[]): Promise<void> {
  for (const asking of askings) {
    assert.deepEqual(await asking.end(), []);
    t.diagnostic(
      `${asking.asked} queries, none failed, the longest took ${asking.longestMs.toFixed(0)} ms`,
    );
  }
}

/** Writes to a stopped leader, and asks it whether it leads: it gets both in the moment it wakes up. */
function leaveRequestsAt({ running }: ClusterMember) {
  const write = (index: number) =>
    running.api('PUT', `/v1/zones/cluster.test/rrsets/left${index}/TXT`, {
      ttl: 1,
      values: ['"left"'],
    });
  const writes = Array.from({ length: 8 }, (_, index) => write(index));
  const looks = Array.from({ length: 8 }, () => running.api('GET', '/v1/nodes'));
  return { writes: Promise.all(writes), looks: Promise.all(looks) };
}

test('a leader that was stopped and wakes up as an old one changes nothing', {
  skip,
}, async (t) => {
  const { one, two, nodes, members, west: origin } = await startScene(t);
  const writers = new Writers(t, [one, two]);
  const askings = await askAll(t, nodes, writers);
  await writers.more(20);

  one.running.child.kill('SIGSTOP');
  t.after(() => one.running.child.kill('SIGCONT'));
  // A client at the standby, which passes this on to a leader that will not answer.
  const patient = two.running.api('DELETE', '/v1/zones/cluster.test/rrsets/none/TXT');
  const tookOverMs = await writers.nextAckMs();
  t.diagnostic(`SIGSTOP of the leader → the standby took a write: ${tookOverMs.toFixed(0)} ms`);
  const { code } = (await (await patient).json()) as { code: string };
  assert.equal(code, 'E_IN_DOUBT', 'the standby waits for nobody whom it has replaced');
  assert.equal((await leaderOf([two])).name, 'two');
  // The new leader's word on health is another than the old one's last.
  await origin.die();
  for (const node of nodes) await untilServed(node, 'www.cluster.test', 'A', [east]);
  for (const asking of askings) asking.isRight = (texts) => texts.join() === east;
  const left = leaveRequestsAt(one);
  await writers.more(40);
  await untilCaughtUp(nodes, writers);

  one.running.child.kill('SIGCONT');
  for (const look of await left.looks) {
    const { leads } = (await look.json()) as { leads: boolean };
    assert.equal(leads, false, 'it never says that it leads');
  }
  // What was left at its door is passed on or refused, and never made by itself.
  const answers = await left.writes;
  const taken = answers.filter(({ ok }) => ok);
  for (const answer of answers) {
    if (answer.ok) continue;
    const problem = (await answer.json()) as { code: string };
    assert.ok(['E_NOT_LEADER', 'E_NO_BUS'].includes(problem.code), problem.code);
  }
  t.diagnostic(`of ${answers.length} writes that it slept over ${taken.length} were passed on`);
  await writers.more(20);
  await sleep(2000);
  await writers.end();
  t.diagnostic(writers.summary());
  t.diagnostic(`all the same after ${(await untilSame(members)).toFixed(0)} ms more`);
  await assertNothingLost(writers, members);
  for (const [index, answer] of answers.entries()) {
    const found = await two.running.api('GET', `/v1/zones/cluster.test/rrsets/left${index}/TXT`);
    assert.equal(found.status, answer.ok ? 200 : 404);
  }
  await assertAllAnswered(t, askings);
});

/** Moments of a write in which its leader is stopped; each ends with a leader that sleeps. */
const moments = {
  async anywhere({ cluster, leader, random }) {
    await sleep(random.below(40));
    leader.running.child.kill('SIGSTOP');
    assert.equal(await cluster.redis.cli('ping'), 'PONG');
  },
  /** It has stored a revision and sent it; Redis takes it while the leader sleeps. */
  async 'before it hears of Redis'({ cluster: { redis }, leader }) {
    redis.child.kill('SIGSTOP');
    await sleep(200);
    leader.running.child.kill('SIGSTOP');
    redis.child.kill('SIGCONT');
  },
  /** It has stored a revision and sent it, and Redis dies without having read it. */
  async 'before Redis hears of it'({ cluster: { redis }, leader }) {
    redis.child.kill('SIGSTOP');
    await sleep(200);
    leader.running.child.kill('SIGSTOP');
    await redis.stop('SIGKILL');
    await redis.restart();
  },
} satisfies Record<string, (scene: Scene) => Promise<void>>;

/** How often something was refused or went wrong in a member, by its metrics. */
async function eventsOf({ running }: ClusterMember, event: string): Promise<number> {
  const text = await (await running.api('GET', '/metrics')).text();
  const pattern = new RegExp(`^meridian_cluster_events_total\\{event="${event}"\\} (\\d+)`, 'm');
  return Number(pattern.exec(text)?.[1]);
}

interface Scene {
  readonly cluster: TestCluster;
  readonly leader: ClusterMember;
  readonly random: Random;
}

test(`leaders that are stopped in the middle of a write lose none (seed ${seed})`, {
  skip,
}, async (t) => {
  const { cluster, one, two, nodes, members } = await startScene(t);
  t.after(() => cluster.redis.child.kill('SIGCONT'));
  const writers = new Writers(t, [one, two]);
  const askings = await askAll(t, nodes, writers);
  const random = new Random(seed);
  for (const [moment, stopLeader] of Object.entries(moments)) {
    await writers.more(5 + random.below(10));
    const leader = await leaderOf([one, two]);
    t.after(() => leader.running.child.kill('SIGCONT'));
    await stopLeader({ cluster, leader, random });
    const tookOverMs = await writers.nextAckMs();
    t.diagnostic(`stopped ${moment} → a write was taken: ${tookOverMs.toFixed(0)} ms`);
    await writers.more(5);
    leader.running.child.kill('SIGCONT');
    await writers.nextAckMs();
  }
  await writers.end();
  t.diagnostic(writers.summary());
  await assertNothingLost(writers, members);
  await assertAllAnswered(t, askings);
  // They were in the middle of something: what Redis never got had to be taken back.
  const undone = await Promise.all([one, two].map((member) => eventsOf(member, 'undone')));
  assert.ok(Math.max(...undone) > 0, `taken back: ${undone}`);
});
