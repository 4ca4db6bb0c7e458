import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import type { BusContent } from '../../src/cluster/memory-bus.ts';
import { comparePositions, type Position, startPosition } from '../../src/cluster/position.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { contentOf } from '../store/replica-contract.ts';
import { settle, type TestMember, World } from './harness.ts';

type Step =
  | { readonly kind: 'change'; readonly member: number; readonly dial: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | {
      readonly kind: 'cut';
      readonly member: number;
      readonly fault: 'refuse' | 'lose' | 'lose-answer';
    }
  | { readonly kind: 'heal'; readonly member: number }
  | { readonly kind: 'restart'; readonly member: number }
  | { readonly kind: 'flush' | 'dump' | 'restore' };

const member = fc.nat({ max: 3 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('change' as const),
      member,
      dial: fc.nat({ max: 100 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('pass' as const),
      ms: fc.constantFrom(25, 100, 700, 3000, 9000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('cut' as const),
      member,
      fault: fc.constantFrom('refuse' as const, 'lose' as const, 'lose-answer' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('heal' as const), member }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), member }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'dump' as const, 'restore' as const),
    }),
  },
);

/** Three controllers and a node, and what is watched all the time. */
class Trial {
  readonly world = new World();
  /** Hashes of revisions whose change was answered with a success. */
  readonly acknowledged = new Set<string>();
  readonly orphaned = new Set<string>();
  readonly #highest = new Map<string, Position>();
  #changes = 0;
  #dump: BusContent = this.world.server.dump();

  async start(open: () => Store): Promise<void> {
    for (const id of ['a', 'b', 'c']) await this.world.add(id, 'controller', open());
    await this.world.add('n', 'node', open());
  }

  async take(step: Step): Promise<void> {
    const { world } = this;
    const { server } = world;
    const at = (index: number) => world.members[index] ?? assert.fail();
    if (step.kind === 'change') this.change(at(step.member), step.dial);
    else if (step.kind === 'cut') at(step.member).bus.fault = () => step.fault;
    else if (step.kind === 'heal') at(step.member).bus.fault = () => undefined;
    else if (step.kind === 'restart') await this.restart(at(step.member));
    else if (step.kind === 'flush') server.flush();
    else if (step.kind === 'dump') this.#dump = server.dump();
    else if (step.kind === 'restore') server.restore(this.#dump);
    else if (step.kind === 'pass')
      for (let ms = 0; ms < step.ms; ms += 50) await this.watchAfter(() => world.advance(50));
    await this.watchAfter(settle);
  }

  change(at: TestMember, dial: number): void {
    const body = JSON.stringify({ latitude: 1, longitude: 2, dial });
    const { actor, summary } = { actor: 'x', summary: `change ${this.#changes++}` };
    at.controller
      .apply([{ kind: 'region', id: 'eu', body }], { actor, summary })
      .then(({ revision, changes }) => {
        if (changes.length > 0) this.acknowledged.add(hashAt(at, revision));
      })
      .catch((error: unknown) => assert.ok(error instanceof MeridianError, String(error)));
  }

  async restart(old: TestMember): Promise<void> {
    const index = this.world.members.indexOf(old);
    const role = old.id === 'n' ? 'node' : 'controller';
    this.noteOrphans(old);
    await old.kill();
    const again = await this.world.add(old.id, role, old.store);
    this.world.members.splice(this.world.members.indexOf(again), 1);
    this.world.members.splice(index, 0, again);
  }

  noteOrphans(of: TestMember): void {
    for (const { hash } of of.orphans) this.orphaned.add(hash);
  }

  async watchAfter(work: () => Promise<void>): Promise<void> {
    await work();
    const leaders = this.world.members.filter(({ cluster }) => cluster.lease() !== undefined);
    const terms = new Set(leaders.map(({ cluster }) => cluster.lease()?.term));
    assert.equal(terms.size, leaders.length, 'two lead under one term');
    for (const { id, cluster, store } of this.world.members) {
      const position = cluster.position();
      const highest = this.#highest.get(id) ?? startPosition;
      // A revision that nobody was told of may be taken back; nothing else ever goes back.
      const undone = { term: position.term, sequence: position.sequence + 1 };
      assert.ok(
        comparePositions(position, highest) >= 0 || comparePositions(undone, highest) === 0,
        `${id} went back from ${JSON.stringify(highest)} to ${JSON.stringify(position)}`,
      );
      this.#highest.set(id, position);
      assert.ok(store.knownTerm() >= store.term());
    }
  }

  async heal(): Promise<void> {
    const { world } = this;
    for (const { bus } of world.members) bus.fault = () => undefined;
    await this.watchAfter(() => world.advance(30_000));
    await world.untilSame();
    const leader = await world.untilLed();
    await world.change(leader, (Number(leader.store.latest()) % 100) + 1).catch(() => undefined);
    await world.untilSame();
  }

  check(): void {
    const [first, ...others] = this.world.members;
    assert.ok(first !== undefined);
    const chain = new Set<string>();
    for (const each of this.world.members) {
      this.noteOrphans(each);
      assert.equal(each.store.verify(), undefined);
      assert.equal(each.store.digest(), first.store.digest());
      assert.deepEqual([...each.store.objects()], [...first.store.objects()]);
      assert.deepEqual(
        each.controller.configuration().traffic.regions,
        first.controller.configuration().traffic.regions,
      );
      for (const { hash } of contentOf(each.store).revisions) chain.add(hash);
    }
    for (const hash of this.acknowledged) {
      assert.ok(chain.has(hash) || this.orphaned.has(hash), 'an acknowledged change is gone');
    }
    assert.ok(others.length === 3);
  }
}

function hashAt(at: TestMember, revision: number): string {
  return at.store.revision(revision)?.hash ?? assert.fail(`revision ${revision} is not there`);
}

/** Runs trials whose members keep what they have in stores made by `open`. */
async function runTrials(numRuns: number, open: (world: World) => Store): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const trial = new Trial();
      const stores: Store[] = [];
      try {
        await trial.start(() => {
          const store = open(trial.world);
          stores.push(store);
          return store;
        });
        for (const step of steps) await trial.take(step);
        await trial.heal();
        trial.check();
      } finally {
        await trial.world.close();
        for (const store of stores) store.close();
      }
    }),
    { numRuns },
  );
}

const runs = Number(process.env['MERIDIAN_INTERLEAVINGS'] ?? 40);

test('after any interleaving all stores are the same, and nothing acknowledged is lost', async () => {
  await runTrials(runs, ({ clock }) => new MemoryStore(() => clock.epochMs()));
});

test('the same holds for stores on disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-cluster-'));
  let opened = 0;
  try {
    await runTrials(Math.ceil(runs / 8), ({ clock }) =>
      openSqliteStore(join(folder, String(opened++)), () => clock.epochMs()),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
