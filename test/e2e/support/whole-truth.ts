import assert from 'node:assert/strict';
import { textsOf } from './ask.ts';
import { type ClusterMember, outputs } from './cluster.ts';
import { until } from './processes.ts';
import { inParallel } from './udp-channel.ts';
import { laneCount, type Writers } from './writers.ts';

interface Item {
  readonly id: string;
  readonly sequence: number;
  readonly serving: number;
  readonly digest: string;
}

/** Waits until every member has the same history and serves its end; returns how long that took. */
export async function untilSame(members: readonly ClusterMember[], deadlineMs = 60_000) {
  const startMs = performance.now();
  let seen = '';
  await until(
    async () => {
      const [first] = members;
      const answer = await first?.running.api('GET', '/v1/nodes').catch(() => undefined);
      const { items = [] } = ((await answer?.json()) ?? {}) as { items?: readonly Item[] };
      seen = items
        .map(({ id, serving, digest }) => `${id} ${serving} ${digest.slice(0, 8)}`)
        .join();
      const isServed = items.every(({ sequence, serving }) => serving === sequence);
      const isSame =
        new Set(items.map(({ sequence, digest }) => `${sequence} ${digest}`)).size === 1;
      const isWhole = members.every(({ name }) => items.some(({ id }) => id === name));
      return (isWhole && isSame && isServed) || undefined;
    },
    () => `the members to have one history, not ${seen}: ${outputs(members)}`,
    deadlineMs,
  );
  return performance.now() - startMs;
}

/** Waits until nodes serve what writers were told is taken, or later values. */
export async function untilCaughtUp(
  nodes: readonly ClusterMember[],
  writers: Writers,
): Promise<void> {
  for (const node of nodes) {
    for (let lane = 0; lane < laneCount; lane += 1) {
      const value = writers.last(lane);
      await until(
        async () => {
          const [text = ''] = await textsOf(node.running.port, `w${lane}.cluster.test`, 'TXT');
          return Number(text.replaceAll('"', '')) >= value || undefined;
        },
        () => `${node.name} to serve w${lane} ${value}: ${outputs([node])}`,
        60_000,
      );
    }
  }
}

/** The value that each revision gave to a writer's name, oldest first, as one member tells it. */
async function historyOf({
  running,
}: ClusterMember): Promise<Map<number, readonly [number, number]>> {
  const { revision: newest } = (await (await running.api('GET', '/v1')).json()) as {
    revision: number;
  };
  const found = new Map<number, readonly [number, number]>();
  const numbers = Array.from({ length: newest }, (_, index) => index + 1);
  await inParallel(numbers, 8, async (number) => {
    const answer = await running.api('GET', `/v1/revisions/${number}`);
    assert.equal(
      answer.status,
      200,
      `revision ${number} of ${newest}: ${await answer.clone().text()}`,
    );
    const { changes } = (await answer.json()) as {
      changes: { id: string; after: { values?: readonly string[] } | null }[];
    };
    for (const { id, after } of changes) {
      const lane = /^cluster\.test\.\/w(\d+)\.cluster\.test\.\/TXT$/.exec(id)?.[1];
      const value = /^"(\d+)"$/.exec(after?.values?.[0] ?? '')?.[1];
      // The zero of each name is there from the beginning.
      if (lane === undefined || value === undefined || value === '0') continue;
      found.set(number, [Number(lane), Number(value)]);
    }
  });
  return found;
}

/**
 * What must hold after all has healed: one history everywhere; in it every value of every writer once
 * and in order, under the revision that its success named; and on every node the last of them.
 */
export async function assertNothingLost(
  writers: Writers,
  members: readonly ClusterMember[],
): Promise<void> {
  assert.deepEqual(writers.failures, [], outputs(members));
  await untilSame(members);
  for (const member of members.filter(({ role }) => role !== 'node')) {
    const history = await historyOf(member);
    for (let lane = 0; lane < laneCount; lane += 1) {
      const values = [...history]
        .sort(([a], [b]) => a - b)
        .flatMap(([, [of, value]]) => (of === lane ? [value] : []));
      const wanted = Array.from({ length: writers.last(lane) }, (_, index) => index + 1);
      assert.deepEqual(values, wanted, `w${lane} in the history of ${member.name}`);
    }
    for (const { lane, value, revision } of [...writers.acks, ...writers.late]) {
      assert.deepEqual(
        history.get(revision),
        [lane, value],
        `revision ${revision} in the history of ${member.name}`,
      );
    }
  }
  for (const { name, running, role } of members) {
    if (role === 'controller') continue;
    for (let lane = 0; lane < laneCount; lane += 1) {
      const texts = await textsOf(running.port, `w${lane}.cluster.test`, 'TXT');
      assert.deepEqual(texts, [`"${writers.last(lane)}"`], `w${lane} on ${name}`);
    }
  }
}
