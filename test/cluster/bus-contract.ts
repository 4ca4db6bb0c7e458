import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Bus, BusError, type Lease, type LogEntry } from '../../src/cluster/bus.ts';
import type { Position } from '../../src/cluster/position.ts';

/** What the contract needs of an implementation. */
export interface BusBench {
  /** Another connection to the same bus. */
  open(): Promise<Bus>;
  /** Makes it empty, as FLUSHALL does. */
  flush(): Promise<void>;
  /** Lets time pass on the bus's clock. */
  pass(ms: number): Promise<void>;
  close(): Promise<void>;
}

const bytes = (text: string) => Buffer.from(text, 'utf8');
const textOf = (value: Uint8Array) => Buffer.from(value).toString('utf8');
const hashOf = (sequence: number) => sequence.toString(16).padStart(64, '0');
const entryAt = (term: number, sequence: number, content = `${term}-${sequence}`): LogEntry => ({
  position: { term, sequence },
  bytes: bytes(content),
});
const wish = (holder: string, position: Position, more: object = {}) => ({
  holder,
  url: `https://${holder}.example`,
  knownTerm: 0,
  position,
  ttlMs: 10_000,
  ...more,
});
const start = { term: 0, sequence: 0 };

/** Leads on a bus whose log is empty, and says the first word at a sequence. */
async function leadAt(bus: Bus, sequence = 0, holder = 'a/1'): Promise<Lease> {
  const position = { term: Number.MAX_SAFE_INTEGER, sequence };
  const reply = await bus.lead(wish(holder, position));
  assert.equal(reply.outcome, 'led');
  const lease = { holder, term: reply.outcome === 'led' ? reply.term : 0 };
  const assumed = await bus.assume(lease, entryAt(lease.term, sequence), hashOf(sequence));
  assert.equal(assumed.outcome, 'done');
  return lease;
}

/** What every bus must do (bus.ts). */
export function busContract(
  name: string,
  skip: string | false,
  open: () => Promise<BusBench>,
): void {
  let bench: BusBench;
  let bus: Bus;
  before(async () => {
    if (skip !== false) return;
    bench = await open();
    bus = await bench.open();
  });
  after(async () => {
    if (skip !== false) return;
    await bus.close();
    await bench.close();
  });
  const using = (title: string, check: () => Promise<void>) =>
    test(`${name}: ${title}`, { skip }, async () => {
      await bench.flush();
      await check();
    });

  using('an empty bus has no lease, head, entries, snapshot, table or nodes', async () => {
    assert.deepEqual(await bus.state(), { lease: undefined, head: undefined });
    assert.deepEqual(await bus.entries(start, 10, 0), []);
    assert.equal(await bus.snapshot(), undefined);
    assert.equal(await bus.table('health'), undefined);
    assert.deepEqual(await bus.follow('health', start, 10, 0), []);
    assert.deepEqual(await bus.nodes(), []);
    assert.equal(await bus.chunk('x', 0), undefined);
  });

  using('lead() gives each holder a greater term, above what the candidate knows', async () => {
    const termOf = async (holder: string, knownTerm: number) => {
      const reply = await bus.lead(wish(holder, start, { knownTerm }));
      assert.ok(reply.outcome === 'led');
      assert.equal(reply.head, undefined);
      return reply.term;
    };
    const first = await termOf('a/1', 0);
    const { lease } = await bus.state();
    assert.deepEqual(
      [lease?.holder, lease?.term, lease?.url],
      ['a/1', first, 'https://a/1.example'],
    );
    assert.ok(lease !== undefined && lease.remainingMs > 0 && lease.remainingMs <= 10_000);
    await bus.resign({ holder: 'a/1', term: first });
    const known = await termOf('b/1', first * 2);
    assert.equal(known, first * 2 + 1);
    await bus.resign({ holder: 'b/1', term: known });
    assert.equal(await termOf('c/1', 3), known + 1);
  });

  using('lead() gives another term after the bus has forgotten the last one', async () => {
    const first = await leadAt(bus);
    await bench.flush();
    await bench.pass(2);
    const second = await leadAt(bus);
    assert.ok(second.term > first.term);
  });

  using('terms and sequences keep all their digits', async () => {
    const knownTerm = 2 ** 52;
    const reply = await bus.lead(wish('a/1', start, { knownTerm }));
    assert.deepEqual(reply, { outcome: 'led', term: knownTerm + 1, head: undefined });
    const lease = { holder: 'a/1', term: knownTerm + 1 };
    const sequence = 2 ** 52 + 3;
    await bus.assume(lease, entryAt(lease.term, sequence), hashOf(1));
    assert.equal((await bus.append(lease, entryAt(lease.term, sequence + 1), 'x')).outcome, 'done');
    const { head } = await bus.state();
    assert.deepEqual(head?.position, { term: lease.term, sequence: sequence + 1 });
    const entries = await bus.entries({ term: lease.term, sequence }, 10, 0);
    assert.deepEqual(
      entries.map(({ position }) => position),
      [head?.position],
    );
  });

  using(
    'lead() is refused while another holds the lease, the same holder of before included',
    async () => {
      await bus.lead(wish('a/1', start));
      for (const holder of ['b/1', 'a/2', 'a/1']) {
        const reply = await bus.lead(wish(holder, start, { knownTerm: 50 }));
        assert.equal(reply.outcome, 'held');
        assert.equal(reply.outcome === 'held' && reply.lease.holder, 'a/1');
      }
      const wrong = await bus.lead(wish('a/1', start, { replaces: 9 }));
      assert.equal(wrong.outcome, 'held');
      assert.equal((await bus.state()).lease?.holder, 'a/1');
    },
  );

  using('lead() with `replaces` ends a term of the same holder by a greater one', async () => {
    const lease = await leadAt(bus);
    const position = { term: lease.term, sequence: 0 };
    const reply = await bus.lead(wish('a/1', position, { replaces: lease.term }));
    assert.ok(reply.outcome === 'led' && reply.term > lease.term);
    const late = await bus.append(lease, entryAt(lease.term, 1), hashOf(1));
    assert.equal(late.outcome, 'fenced');
  });

  using('lead() is refused to who is behind the head, unless the head is empty', async () => {
    const lease = await leadAt(bus, 5);
    await bus.resign(lease);
    for (const position of [
      { term: lease.term, sequence: 4 },
      { term: lease.term - 1, sequence: 9 },
    ]) {
      const reply = await bus.lead(wish('b/1', position));
      const head = { position: { term: lease.term, sequence: 5 }, hash: hashOf(5) };
      assert.deepEqual(reply, { outcome: 'behind', head });
    }
    assert.equal((await bus.state()).lease, undefined);
    const level = await bus.lead(wish('b/1', { term: lease.term, sequence: 5 }));
    assert.equal(level.outcome, 'led');
    await bench.flush();
    const empty = await leadAt(bus, 0);
    await bus.resign(empty);
    const other = await bus.lead(wish('b/1', { term: 0, sequence: 3 }));
    assert.equal(other.outcome, 'led');
  });

  using('a lease ends by itself unless it is renewed', async () => {
    const reply = await bus.lead(wish('a/1', start, { ttlMs: 400 }));
    const lease = { holder: 'a/1', term: reply.outcome === 'led' ? reply.term : 0 };
    assert.equal((await bus.renew(lease, 700)).outcome, 'done');
    await bench.pass(450);
    assert.equal((await bus.renew(lease, 200)).outcome, 'done');
    await bench.pass(300);
    assert.equal((await bus.state()).lease, undefined);
    assert.deepEqual(await bus.renew(lease, 1000), { outcome: 'fenced', lease: undefined });
    assert.equal((await bus.append(lease, entryAt(lease.term, 1), hashOf(1))).outcome, 'fenced');
  });

  using('resign() gives back one own lease only', async () => {
    const lease = await leadAt(bus);
    await bus.resign({ holder: 'b/1', term: lease.term });
    await bus.resign({ holder: lease.holder, term: lease.term + 1 });
    assert.equal((await bus.state()).lease?.holder, 'a/1');
    await bus.resign(lease);
    assert.equal((await bus.state()).lease, undefined);
  });

  using('append() takes exactly the next revision of the own term', async () => {
    const lease = await leadAt(bus, 4);
    const append = (term: number, sequence: number) =>
      bus.append({ ...lease, term }, entryAt(term, sequence), hashOf(sequence));
    assert.deepEqual(await append(lease.term, 5), { outcome: 'done' });
    const head = { position: { term: lease.term, sequence: 5 }, hash: hashOf(5) };
    for (const sequence of [4, 5, 7]) {
      assert.deepEqual(await append(lease.term, sequence), { outcome: 'conflict', head });
    }
    const fenced = await append(lease.term - 1, 6);
    assert.equal(fenced.outcome === 'fenced' && fenced.lease?.holder, 'a/1');
    assert.equal((await append(lease.term, 6)).outcome, 'done');
    const entries = await bus.entries({ term: lease.term, sequence: 4 }, 10, 0);
    assert.deepEqual(
      entries.map(({ bytes: content }) => textOf(content)),
      [`${lease.term}-5`, `${lease.term}-6`],
    );
  });

  using('append() is refused before the first word of a term', async () => {
    const lease = await leadAt(bus, 2);
    await bus.resign(lease);
    const reply = await bus.lead(wish('b/1', { term: lease.term, sequence: 2 }));
    const next = { holder: 'b/1', term: reply.outcome === 'led' ? reply.term : 0 };
    const early = await bus.append(next, entryAt(next.term, 3), hashOf(3));
    assert.equal(early.outcome, 'conflict');
    assert.equal((await bus.assume(next, entryAt(next.term, 2), hashOf(2))).outcome, 'done');
    assert.equal((await bus.append(next, entryAt(next.term, 3), hashOf(3))).outcome, 'done');
  });

  using('assume() never takes the head back, and may take it forward', async () => {
    const lease = await leadAt(bus, 3);
    const again = await bus.lead(
      wish('a/1', { term: lease.term, sequence: 3 }, { replaces: lease.term }),
    );
    const next = { holder: 'a/1', term: again.outcome === 'led' ? again.term : 0 };
    assert.equal((await bus.assume(next, entryAt(next.term, 2), hashOf(2))).outcome, 'conflict');
    assert.equal((await bus.assume(next, entryAt(next.term, 8), hashOf(8))).outcome, 'done');
    assert.deepEqual((await bus.state()).head, {
      position: { term: next.term, sequence: 8 },
      hash: hashOf(8),
    });
    assert.equal((await bus.assume(lease, entryAt(lease.term, 9), hashOf(9))).outcome, 'fenced');
  });

  using('entries() gives at most as many as are asked for, in order, bytes untouched', async () => {
    const lease = await leadAt(bus);
    const every = Uint8Array.from({ length: 256 }, (_, index) => index);
    for (let sequence = 1; sequence <= 5; sequence++) {
      const { position } = entryAt(lease.term, sequence);
      await bus.append(lease, { position, bytes: every }, hashOf(sequence));
    }
    const entries = await bus.entries({ term: lease.term, sequence: 1 }, 3, 0);
    assert.deepEqual(
      entries.map(({ position }) => position.sequence),
      [2, 3, 4],
    );
    assert.deepEqual([...(entries[0]?.bytes ?? [])], [...every]);
  });

  using('entries() waits for one, and is woken by it', async () => {
    const lease = await leadAt(bus);
    const other = await bench.open();
    const waiting = other.entries({ term: lease.term, sequence: 0 }, 10, 1900);
    await bus.append(lease, entryAt(lease.term, 1), hashOf(1));
    assert.equal((await waiting).length, 1);
    const idle = other.entries({ term: lease.term, sequence: 1 }, 10, 150);
    await bench.pass(200);
    assert.deepEqual(await idle, []);
    await other.close();
  });

  using('nothing waits behind a read that waits', async () => {
    const lease = await leadAt(bus);
    const waiting = bus.entries({ term: lease.term, sequence: 0 }, 10, 1900);
    const following = bus.follow('health', start, 10, 1900);
    assert.equal((await bus.renew(lease, 5000)).outcome, 'done');
    await bus.append(lease, entryAt(lease.term, 1), hashOf(1));
    assert.equal((await waiting).length, 1);
    const position = { term: lease.term, sequence: 1 };
    await bus.publish(lease, 'health', { position, full: false, bytes: bytes('x') });
    assert.equal((await following).length, 1);
  });

  using('announce() keeps two snapshots and trims the log behind the older', async () => {
    const lease = await leadAt(bus);
    const announce = async (sequence: number, holder: Lease = lease, group = `g${sequence}`) => {
      await bus.putChunk(group, 0, bytes(`chunk of ${group}`));
      const position = { term: holder.term, sequence };
      return bus.announce(holder, { position, group, manifest: bytes(`m${group}`) });
    };
    for (let sequence = 1; sequence <= 6; sequence++) {
      await bus.append(lease, entryAt(lease.term, sequence), hashOf(sequence));
    }
    const left = async () => (await bus.entries(start, 100, 0)).map((e) => e.position.sequence);
    assert.equal((await announce(2)).outcome, 'done');
    assert.deepEqual(await left(), [0, 1, 2, 3, 4, 5, 6]);
    assert.equal((await announce(4)).outcome, 'done');
    assert.deepEqual(await left(), [3, 4, 5, 6]);
    assert.equal((await announce(4, lease, 'again')).outcome, 'done');
    assert.equal(await bus.chunk('g4', 0), undefined);
    assert.deepEqual(await left(), [3, 4, 5, 6]);
    assert.equal((await announce(3)).outcome, 'conflict');
    assert.equal((await announce(6)).outcome, 'done');
    assert.deepEqual(await left(), [5, 6]);
    const newest = await bus.snapshot();
    assert.deepEqual(newest?.position, { term: lease.term, sequence: 6 });
    assert.equal(textOf(newest?.manifest ?? bytes('')), 'mg6');
    assert.equal(await bus.chunk('g2', 0), undefined);
    assert.equal(textOf((await bus.chunk('again', 0)) ?? bytes('')), 'chunk of again');
    assert.equal((await announce(9, { ...lease, term: lease.term + 1 })).outcome, 'fenced');
  });

  using('publish() takes rising positions of the lease only', async () => {
    const lease = await leadAt(bus);
    const publish = (sequence: number, full: boolean, more: Partial<Lease> = {}) => {
      const by = { ...lease, ...more };
      const position = { term: by.term, sequence };
      return bus.publish(by, 'health', { position, full, bytes: bytes(`h${sequence}`) });
    };
    assert.equal((await publish(1, true)).outcome, 'done');
    assert.equal((await publish(2, false)).outcome, 'done');
    assert.equal((await publish(2, false)).outcome, 'conflict');
    assert.equal((await publish(1, true)).outcome, 'conflict');
    assert.equal((await publish(3, true, { holder: 'b/1' })).outcome, 'fenced');
    assert.equal((await publish(3, true, { term: lease.term + 1 })).outcome, 'fenced');
    const table = await bus.table('health');
    assert.deepEqual(table?.position, { term: lease.term, sequence: 1 });
    assert.deepEqual([table?.full, textOf(table?.bytes ?? bytes(''))], [true, 'h1']);
    const messages = await bus.follow('health', start, 10, 0);
    assert.deepEqual(
      messages.map((m) => [m.position.sequence, m.full, textOf(m.bytes)]),
      [
        [1, true, ''],
        [2, false, 'h2'],
      ],
    );
    assert.deepEqual(await bus.follow('latency', start, 10, 0), []);
    await bus.resign(lease);
    assert.equal((await publish(3, true)).outcome, 'fenced');
  });

  using('post() and read() pass messages on in order, from now on or from a cursor', async () => {
    await bus.post('reports', bytes('before'));
    const first = await bus.read('reports', undefined, 10, 0);
    assert.deepEqual(first.messages, []);
    await bus.post('reports', bytes('one'));
    await bus.post('reports', bytes('two'));
    await bus.post('samples', bytes('other'));
    const second = await bus.read('reports', first.cursor, 1, 0);
    assert.deepEqual(
      second.messages.map((m) => textOf(m.bytes)),
      ['one'],
    );
    const third = await bus.read('reports', second.cursor, 10, 0);
    assert.deepEqual(
      third.messages.map((m) => textOf(m.bytes)),
      ['two'],
    );
    const waiting = bus.read('reports', third.cursor, 10, 1900);
    await bus.post('reports', bytes('three'));
    assert.deepEqual(
      (await waiting).messages.map((m) => textOf(m.bytes)),
      ['three'],
    );
  });

  using('read() finds what comes after the bus was emptied', async () => {
    await bus.post('acks', bytes('one'));
    await bus.post('acks', bytes('two'));
    const { cursor } = await bus.read('acks', undefined, 10, 0);
    await bench.flush();
    const empty = await bus.read('acks', cursor, 10, 0);
    assert.deepEqual(empty.messages, []);
    await bus.post('acks', bytes('three'));
    const found = await bus.read('acks', empty.cursor, 10, 0);
    assert.deepEqual(
      found.messages.map((m) => textOf(m.bytes)),
      ['three'],
    );
  });

  using('nodes() lists heartbeats until they expire or are taken away', async () => {
    await bus.beat('n1', bytes('one'), 300);
    await bus.beat('n2', bytes('two'), 60_000);
    await bus.beat('n3', bytes('three'), 60_000);
    await bus.beat('n2', bytes('two again'), 60_000);
    const listed = async () =>
      (await bus.nodes()).map(({ id, bytes: beat }) => `${id} ${textOf(beat)}`).sort();
    assert.deepEqual(await listed(), ['n1 one', 'n2 two again', 'n3 three']);
    await bench.pass(350);
    await bus.forget('n3');
    assert.deepEqual(await listed(), ['n2 two again']);
  });

  using('of many appends at once exactly one wins', async () => {
    const lease = await leadAt(bus);
    const others = await Promise.all(Array.from({ length: 4 }, () => bench.open()));
    const replies = await Promise.all(
      others.map((other, index) =>
        other.append(lease, entryAt(lease.term, 1, `from ${index}`), hashOf(index)),
      ),
    );
    assert.equal(replies.filter(({ outcome }) => outcome === 'done').length, 1);
    assert.equal((await bus.entries({ term: lease.term, sequence: 0 }, 10, 0)).length, 1);
    for (const other of others) await other.close();
  });

  using('of many candidates at once exactly one leads', async () => {
    const others = await Promise.all(Array.from({ length: 4 }, () => bench.open()));
    const replies = await Promise.all(
      others.map((other, index) => other.lead(wish(`c${index}/1`, start))),
    );
    assert.deepEqual(replies.map(({ outcome }) => outcome).sort(), ['held', 'held', 'held', 'led']);
    for (const other of others) await other.close();
  });

  using('close() ends what waits', async () => {
    const other = await bench.open();
    const waiting = other.entries({ term: 99, sequence: 0 }, 10, 1900);
    const failed = assert.rejects(waiting, BusError);
    await other.close();
    await failed;
    await assert.rejects(other.state(), (error) => {
      return error instanceof BusError && error.outcome === 'none';
    });
  });
}
