import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  type ClusterMember,
  outputs,
  startCluster,
  untilServed,
  webTraffic,
  webZone,
} from './support/cluster.ts';
import { missing, runMeridian, until } from './support/processes.ts';
import { SteadyAsking } from './support/steady-asking.ts';

const skip = missing('redis-server', 'redis-cli');

/** How long a busy machine may take, milliseconds. */
const patienceMs = 60_000;

const questions = { name: () => 'ns1.cluster.test.', rdata: '7f000001', patienceMs };
const files = { zone: webZone, traffic: webTraffic(1, '127.0.2.1', '127.0.2.2') };
const path = '/v1/zones/cluster.test/rrsets/now/TXT';

const pidOf = ({ data }: ClusterMember) => Number(readFileSync(join(data, 'meridian.pid'), 'utf8'));

/** Starts a cluster whose members may be replaced: who serves at the end is no child of this process. */
async function replaceable(t: TestContext) {
  const members: ClusterMember[] = [];
  // Before the folder goes, which says who serves.
  t.after(() => {
    for (const member of members) killIfThere(pidOf(member));
  });
  const cluster = await startCluster(t, files);
  return async (name: string, role: ClusterMember['role']) => {
    const member = await cluster.add(name, role);
    members.push(member);
    return member;
  };
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

async function restart(t: TestContext, member: ClusterMember): Promise<void> {
  const before = pidOf(member);
  const { code, output } = await runMeridian(t, ['restart', '--data', member.data], patienceMs);
  assert.equal(code, 0, output + outputs([member]));
  assert.notEqual(pidOf(member), before);
}

interface NodesView {
  readonly leader: string | null;
  readonly term: number;
  readonly items: readonly { readonly id: string; readonly sequence: number }[];
}

async function viewOf({ running }: ClusterMember): Promise<NodesView | undefined> {
  const answer = await running.api('GET', '/v1/nodes').catch(() => undefined);
  return (await answer?.json()) as NodesView | undefined;
}

/** Writes 1, 2, 3 … until told to end; a refusal is sent again, as a client does. */
function writeOn({ running }: ClusterMember) {
  const unexpected: string[] = [];
  let isOver = false;
  let accepted = 0;
  const run = async () => {
    while (!isOver) {
      const body = { ttl: 60, values: [`"${accepted + 1}"`] };
      const answer = await running
        .api('PUT', path, body, { connection: 'close' })
        .catch((error: unknown) => String(error));
      if (typeof answer === 'string') continue;
      const text = await answer.text();
      if (answer.ok) accepted += 1;
      else if (answer.status !== 503) unexpected.push(text);
    }
  };
  const ended = run();
  return {
    async end() {
      isOver = true;
      await ended;
      return { accepted, unexpected };
    },
  };
}

/** Waits until a member serves the last change that anybody was told of. */
function untilWritten(member: ClusterMember, accepted: number): Promise<number> {
  return untilServed(member, 'now.cluster.test', 'TXT', [`"${accepted}"`], patienceMs);
}

test('meridian restart replaces the members of a cluster, one after the other', {
  skip,
}, async (t) => {
  const add = await replaceable(t);
  const one = await add('one', 'controller');
  const two = await add('two', 'controller');
  const node = await add('n1', 'node');
  const asking = await SteadyAsking.start(t, node.running.port, questions);
  const writing = writeOn(two);
  const before = await viewOf(one);
  for (const member of [node, one, two]) await restart(t, member);
  const { accepted, unexpected } = await writing.end();
  const after = await until(
    async () => {
      const view = await viewOf(one);
      return view?.items.length === 3 && view.leader !== null ? view : undefined;
    },
    () => `all three to be there: ${outputs([one, two, node])}`,
    patienceMs,
  );
  assert.deepEqual(
    after.items.map(({ id }) => id),
    ['n1', 'one', 'two'],
  );
  assert.ok(after.term > (before?.term ?? 0), 'another term has begun');
  await untilWritten(node, accepted);
  await asking.end();
  t.diagnostic(`${asking.asked} queries, ${accepted} changes, three restarts`);
  assert.deepEqual(unexpected, []);
  assert.ok(accepted > 3);
  assert.deepEqual([asking.lost, asking.wrong], [0, 0]);
});

test('meridian restart of the only controller, which answers too, loses no query', {
  skip,
}, async (t) => {
  const add = await replaceable(t);
  const only = await add('only', 'all');
  const asking = await SteadyAsking.start(t, only.running.port, questions);
  const writing = writeOn(only);
  const before = await viewOf(only);
  await restart(t, only);
  const leading = await until(
    async () => {
      const view = await viewOf(only);
      return view?.leader === 'only' && view.term > (before?.term ?? 0) ? view : undefined;
    },
    () => `it to lead again: ${outputs([only])}`,
    patienceMs,
  );
  const written = leading.items[0]?.sequence ?? 0;
  await until(
    async () => ((await viewOf(only))?.items[0]?.sequence ?? 0) > written || undefined,
    () => `changes to go on: ${outputs([only])}`,
    patienceMs,
  );
  const { accepted, unexpected } = await writing.end();
  await untilWritten(only, accepted);
  await asking.end();
  t.diagnostic(`${asking.asked} queries, ${accepted} changes`);
  assert.deepEqual(unexpected, []);
  assert.deepEqual([asking.lost, asking.wrong], [0, 0]);
});

test('a member whose successor is killed takes its place in the cluster again', {
  skip,
}, async (t) => {
  const add = await replaceable(t);
  const one = await add('one', 'controller');
  const node = await add('n1', 'node');
  const asking = await SteadyAsking.start(t, node.running.port, questions);
  const pid = pidOf(node);
  node.running.child.kill('SIGUSR2');
  const successor = await until(
    () => {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return pidOf(node) === pid ? undefined : Number(children.split(' ')[0]) || undefined;
    },
    () => `a successor that has the store: ${outputs([node])}`,
    patienceMs,
  );
  process.kill(successor, 'SIGKILL');
  await until(
    () => /goes on serving/.test(node.running.output()) || undefined,
    () => `the node to notice: ${outputs([node])}`,
    patienceMs,
  );
  const answer = await one.running.api('PUT', path, { ttl: 60, values: ['"1"'] });
  assert.ok(answer.ok, await answer.text());
  await untilWritten(node, 1);
  await asking.end();
  assert.deepEqual([pidOf(node), asking.lost, asking.wrong], [pid, 0, 0]);
});
