import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { berlin, by, codesOf, exampleWrites, openBench, put, serialOf } from './fixtures.ts';

const static1 = { ttl: 60, values: ['192.0.2.80'] };

test('apply() makes one revision, stored, then published', async () => {
  const { controller, store, published, compiled } = await openBench();
  const result = await controller.apply(exampleWrites(), by);
  assert.equal(result.revision, 1);
  assert.equal(result.changes.length, exampleWrites().length);
  assert.deepEqual(result.warnings, []);
  assert.equal(store.latest(), 1);
  assert.deepEqual(
    published.map(({ revision }) => revision),
    [0, 1],
  );
  assert.equal(compiled.at(-1)?.zones.get('example.com.')?.nodes.size, 3);
  const { traffic, revision } = controller.configuration();
  assert.equal(revision, 1);
  assert.deepEqual([...traffic.services.keys()], ['web']);
  assert.equal(store.revision(1)?.actor, 'tester');
});

test('apply() of what is there already makes no revision', async () => {
  const { controller, store, published } = await openBench();
  await controller.apply(exampleWrites(), by);
  const again = await controller.apply(exampleWrites(), by);
  assert.deepEqual(again, { revision: 1, changes: [], warnings: [] });
  const spelled = put('region', 'eu', { ...berlin, dial: 100, state: 'active' });
  assert.equal((await controller.apply([spelled], by)).revision, 1);
  assert.equal(store.latest(), 1);
  assert.equal(published.length, 2);
});

test('apply() with a problem changes nothing and reports all of them', async () => {
  const { controller, store, compiled } = await openBench();
  const bad = [
    put('region', 'eu', { ...berlin, dial: 101 }),
    put('region', 'All', berlin),
    put('monitor', 'm', { type: 'tcp' }),
    { kind: 'service', id: 'web', body: '{' } as const,
    put('rrset', 'example.com.', static1),
    put('rrset', 'other.example./www.other.example./A', static1),
    put('rrset', 'other.example./x.other.example./A', { ttl: 60, values: ['nonsense'] }),
    put('network', '10.0.0.1/8', { country: 'DE' }),
    put('zone', 'a..b', {}),
    put('zone', 'c.example.', { ttl: 1 }),
  ];
  const before = compiled.length;
  assert.deepEqual(await codesOf(controller.apply(bad, by)), [
    'E_FORM_RANGE',
    'E_NAME_INVALID',
    'E_FORM_MISSING',
    'E_FORM_SYNTAX',
    'E_ID_INVALID',
    'E_RDATA_SYNTAX',
    'E_ID_INVALID',
    'E_ID_INVALID',
    'E_FORM_UNKNOWN_KEY',
    'E_NOT_FOUND',
  ]);
  assert.equal(store.latest(), 0);
  assert.equal(compiled.length, before);
  assert.equal(controller.configuration().revision, 0);
});

test('apply() checks what objects say of each other', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const members = { eu: { a: ['192.0.2.1'] } };
  for (const [writes, code, text] of [
    [
      [put('service', 'api', { members: { mars: { a: ['192.0.2.9'] } } })],
      'E_REGION_UNKNOWN',
      /mars/,
    ],
    [[put('service', 'api', { members, monitors: ['prt'] })], 'E_MONITOR_UNKNOWN', /"port"/],
    [
      [put('rrset', 'example.com./api.example.com./STEER', { steer: 'wbe' })],
      'E_SERVICE_UNKNOWN',
      /did you mean "web"/,
    ],
    [[put('region', 'eu', null)], 'E_IN_USE', /services web/],
    [[put('monitor', 'port', null)], 'E_IN_USE', /services web/],
    [[put('service', 'web', null)], 'E_IN_USE', /www\.example\.com\./],
    [[put('rrset', 'example.com./www.example.com./A', static1)], 'E_ZONE_STEER_CONFLICT', /./],
    [[put('rrset', 'example.com./example.com./SOA', null)], 'E_ZONE_SOA', /no SOA/],
    [[put('zone', 'new.example.', {})], 'E_ZONE_SOA', /no SOA/],
    [[put('region', 'eu', berlin), put('region', 'eu', berlin)], 'E_CONFLICT', /twice/],
  ] as const) {
    await assert.rejects(controller.apply(writes, by), (error) => {
      assert.ok(error instanceof MeridianError);
      assert.ok(
        error.problems.some((problem) => problem.code === code),
        error.message,
      );
      assert.match(error.message, text);
      return true;
    });
  }
  assert.equal(controller.configuration().revision, 1);
});

test('apply() takes away what is used together with its users', async () => {
  const { controller, store } = await openBench();
  await controller.apply(exampleWrites(), by);
  await controller.apply(
    [
      put('zone', 'example.com.', null),
      put('service', 'web', null),
      put('region', 'eu', null),
      put('region', 'asia', null),
      put('monitor', 'port', null),
    ],
    by,
  );
  assert.deepEqual([...store.objects()], []);
  assert.equal(controller.configuration().zones.size, 0);
  assert.equal(controller.etag('zone', 'example.com.'), undefined);
});

test('apply() refuses to remove a zone and write to it at once', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const both = [
    put('zone', 'example.com.', null),
    put('rrset', 'example.com./x.example.com./A', static1),
  ];
  assert.deepEqual(await codesOf(controller.apply(both, by)), ['E_CONFLICT']);
});

test('a problem names the line that the write came from', async () => {
  const { controller } = await openBench();
  const write = { ...put('region', 'eu', { dial: 1 }), where: 'zones/traffic.yaml:7' };
  await assert.rejects(controller.apply([write], by), /^MeridianError: zones\/traffic\.yaml:7: /);
  await controller.apply(exampleWrites(), by);
  const steer = {
    ...put('rrset', 'example.com./x.example.com./STEER', { steer: 'nobody' }),
    where: 'zones/example.com.zone:12',
  };
  await assert.rejects(
    controller.apply([steer], by),
    /^MeridianError: zones\/example\.com\.zone:12: /,
  );
});

test('the SOA serial moves by one with each change of a zone, and only then', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  assert.equal(serialOf(controller), 5);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', static1)], by);
  assert.equal(serialOf(controller), 6);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', static1)], by);
  assert.equal(serialOf(controller), 6);
  await controller.apply([put('region', 'eu', { ...berlin, dial: 1 })], by);
  assert.equal(serialOf(controller), 6);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', null)], by);
  assert.equal(serialOf(controller), 7);
});

test('a change may move the SOA serial forward itself, but never back', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const soa = (serial: number, minimum = 300) =>
    put('rrset', 'example.com./example.com./SOA', {
      ttl: 3600,
      values: [`ns1.example.com. hostmaster.example.com. ${serial} 7200 900 1209600 ${minimum}`],
    });
  await controller.apply([soa(2_026_010_100)], by);
  assert.equal(serialOf(controller), 2_026_010_100);
  await controller.apply([soa(2_026_010_100, 60)], by);
  assert.equal(serialOf(controller), 2_026_010_101);
  assert.deepEqual(await codesOf(controller.apply([soa(2_026_010_100)], by)), ['E_ZONE_SERIAL']);
  // RFC 1982: 2^31 - 1 ahead is forward, 2^31 is not comparable.
  assert.deepEqual(await codesOf(controller.apply([soa(2_026_010_101 + 2 ** 31)], by)), [
    'E_ZONE_SERIAL',
  ]);
  await controller.apply([soa(2_026_010_101 + 2 ** 31 - 1)], by);
  await controller.apply([soa(5)], by);
  assert.equal(serialOf(controller), 5);
});

test('the SOA serial wraps around past 2^32', async () => {
  const { controller } = await openBench();
  const writes = exampleWrites().map((write) =>
    write.id.endsWith('/SOA')
      ? { ...write, body: write.body?.replace(' 5 ', ' 4294967295 ') ?? null }
      : write,
  );
  await controller.apply(writes, by);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', static1)], by);
  assert.equal(serialOf(controller), 1);
});

test('a dry run works everything out and keeps nothing', async () => {
  const shift = [{ service: 'web', member: 'eu', before: 0.5, after: 0.1 }];
  const { controller, store, published } = await openBench({ trafficShift: () => shift });
  await controller.apply(exampleWrites(), by);
  const dry = await controller.apply([put('region', 'eu', { ...berlin, dial: 1 })], {
    ...by,
    dryRun: true,
  });
  assert.equal(dry.revision, 1);
  assert.deepEqual(
    dry.changes.map(({ kind, id }) => `${kind} ${id}`),
    ['region eu'],
  );
  assert.deepEqual(dry.traffic, shift);
  assert.equal(store.latest(), 1);
  assert.equal(published.length, 2);
  assert.equal(controller.configuration().traffic.regions.get('eu')?.dial, 100);
});

test('what cannot be compiled never becomes durable', async () => {
  const { controller, store, faults, published } = await openBench();
  faults.compile = new MeridianError({ code: 'E_LIMIT', message: 'too much; less' });
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), by)), ['E_LIMIT']);
  assert.equal(store.latest(), 0);
  assert.equal(controller.configuration().revision, 0);
  faults.compile = undefined;
  assert.equal((await controller.apply(exampleWrites(), by)).revision, 1);
  assert.equal(published.length, 2);
});

test('a disk that refuses leaves everything as it was', async () => {
  const store = new MemoryStore();
  const { controller, published } = await openBench({ store });
  const commit = store.commit.bind(store);
  store.commit = () => {
    throw new MeridianError({ code: 'E_STORE_WRITE', message: 'disk full; make room' });
  };
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), by)), ['E_STORE_WRITE']);
  assert.equal(controller.configuration().revision, 0);
  assert.equal(published.length, 1);
  store.commit = commit;
  assert.equal((await controller.apply(exampleWrites(), by)).revision, 1);
});

test('a failed publish is a warning, is retried in order, and loses nothing', async () => {
  const { controller, store, faults, published, clock, errors } = await openBench();
  faults.publish = new Error('worker gone');
  const first = await controller.apply(exampleWrites(), by);
  assert.equal(first.revision, 1);
  assert.deepEqual(
    first.warnings.map(({ code }) => code),
    ['E_PUBLISH'],
  );
  const second = await controller.apply([put('region', 'eu', { ...berlin, dial: 1 })], by);
  assert.equal(second.revision, 2);
  assert.equal(store.latest(), 2);
  assert.deepEqual(
    published.map(({ revision }) => revision),
    [0],
  );
  assert.ok(errors.length >= 2);
  faults.publish = undefined;
  clock.advance(60_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    published.map(({ revision }) => revision),
    [0, 1, 2],
  );
});

test('the next change delivers what was held up before it', async () => {
  const { controller, faults, published } = await openBench();
  faults.publish = new Error('worker gone');
  await controller.apply(exampleWrites(), by);
  faults.publish = undefined;
  const result = await controller.apply([put('region', 'eu', { ...berlin, dial: 1 })], by);
  assert.deepEqual(result.warnings, []);
  assert.deepEqual(
    published.map(({ revision }) => revision),
    [0, 1, 2],
  );
});

test('changes that come at once are made one after the other', async () => {
  const { controller, store } = await openBench();
  await controller.apply(exampleWrites(), by);
  const results = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      controller.apply([put('region', 'eu', { ...berlin, dial: index })], by),
    ),
  );
  assert.deepEqual(
    results.map(({ revision }) => revision),
    Array.from({ length: 20 }, (_, index) => index + 2),
  );
  assert.equal(store.latest(), 21);
  assert.equal(controller.configuration().traffic.regions.get('eu')?.dial, 19);
});

test('a rejected change does not stop those behind it', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const bad = controller.apply([put('region', 'eu', {})], by);
  const good = controller.apply([put('region', 'eu', { ...berlin, dial: 7 })], by);
  await assert.rejects(bad);
  assert.equal((await good).revision, 2);
});

test('preconditions are checked in the same step as the write', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const write = (dial: number, etag: string | null) =>
    controller.apply([put('region', 'eu', { ...berlin, dial })], {
      ...by,
      preconditions: [{ kind: 'region', id: 'eu', etag }],
    });
  assert.equal(controller.etag('region', 'eu'), '"r1"');
  const [first, second] = await Promise.allSettled([write(1, '"r1"'), write(2, '"r1"')]);
  assert.equal(first?.status, 'fulfilled');
  assert.equal(second?.status, 'rejected');
  assert.equal(controller.etag('region', 'eu'), '"r2"');
  assert.deepEqual(await codesOf(write(3, null)), ['E_PRECONDITION']);
  await write(4, '*');
  const missing = controller.apply([put('region', 'us', berlin)], {
    ...by,
    preconditions: [{ kind: 'region', id: 'us', etag: '*' }],
  });
  assert.deepEqual(await codesOf(missing), ['E_PRECONDITION']);
});

test("a zone's ETag covers all its rrsets, also after a restart", async () => {
  const store = new MemoryStore();
  const { controller } = await openBench({ store });
  await controller.apply(exampleWrites(), by);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', static1)], by);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', null)], by);
  assert.equal(controller.etag('zone', 'example.com.'), '"r3"');
  assert.equal(controller.etag('rrset', 'example.com./ns1.example.com./A'), '"r1"');
  const again = await openBench({ store });
  assert.equal(again.controller.etag('zone', 'example.com.'), '"r3"');
});

test('the same idempotency key and request give the first answer again', async () => {
  const { controller, store, clock } = await openBench();
  await controller.apply(exampleWrites(), by);
  const key = { ...by, idempotencyKey: 'abc' };
  const write = put('region', 'eu', { ...berlin, dial: 1 });
  const first = await controller.apply([write], key);
  await controller.apply([put('region', 'eu', { ...berlin, dial: 2 })], by);
  const again = await controller.apply([write], key);
  assert.deepEqual(again, first);
  assert.equal(store.latest(), 3);
  assert.deepEqual(await codesOf(controller.apply([put('region', 'eu', berlin)], key)), [
    'E_CONFLICT',
  ]);
  // Another actor's key of the same text is another key.
  assert.equal((await controller.apply([write], { ...key, actor: 'other' })).revision, 4);
  clock.advance(86_400_001);
  assert.equal((await controller.apply([put('region', 'eu', berlin)], key)).revision, 5);
});

test('a change survives its controller', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-control-'));
  try {
    const store = openSqliteStore(folder);
    const first = await openBench({ store });
    await first.controller.apply(exampleWrites(), by);
    await first.controller.apply([put('region', 'asia', { ...berlin, dial: 3 })], by);
    const before = first.controller.configuration();
    await first.controller.close();
    store.close();
    const again = openSqliteStore(folder);
    const second = await openBench({ store: again });
    assert.deepEqual(second.controller.configuration().traffic, before.traffic);
    assert.equal(second.controller.configuration().revision, 2);
    assert.deepEqual(second.controller.unread, []);
    const nodes = (zones: typeof before.zones) =>
      [...(zones.get('example.com.')?.nodes ?? [])].map(([owner, rrsets]) => [
        owner,
        [...rrsets.values()].map(({ type, ttl, rdatas }) => ({ owner, type, ttl, rdatas })),
      ]);
    assert.deepEqual(
      nodes(second.controller.configuration().zones).sort(),
      nodes(before.zones).sort(),
    );
    again.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a stored object that cannot be read is left out, and the others are served', async () => {
  const store = new MemoryStore();
  const first = await openBench({ store });
  await first.controller.apply(exampleWrites(), by);
  const zone = { kind: 'zone', id: 'bad.example.', before: null, after: '{}' } as const;
  const soa = {
    kind: 'rrset',
    id: 'bad.example./bad.example./SOA',
    before: null,
    after: '{"ttl":"x"}',
  } as const;
  const region = {
    kind: 'region',
    id: 'moon',
    before: null,
    after: '{"place":"moon:base"}',
  } as const;
  store.commit(1, { at: '2026-01-01T00:00:00Z', ...by, changes: [zone, soa, region] });
  const { controller, errors } = await openBench({ store });
  assert.deepEqual([...controller.configuration().zones.keys()], ['example.com.']);
  assert.deepEqual([...controller.configuration().traffic.regions.keys()], ['eu', 'asia']);
  assert.ok(controller.unread.length >= 2);
  assert.ok(errors.length >= 2);
  const write = put('rrset', 'bad.example./x.bad.example./A', static1);
  assert.deepEqual(await codesOf(controller.apply([write], by)), ['E_CONFLICT']);
  await controller.apply([put('zone', 'bad.example.', null)], by);
  assert.equal(store.object('rrset', soa.id), undefined);
});

test('an edit parses nothing but what it touches', async () => {
  const { controller, compiled } = await openBench();
  await controller.apply(exampleWrites(), by);
  await controller.apply([put('rrset', 'example.com./x.example.com./A', static1)], by);
  const [before, after] = compiled.slice(-2);
  assert.equal(after?.traffic.services.get('web'), before?.traffic.services.get('web'));
  assert.equal(after?.traffic.regions, before?.traffic.regions);
  assert.equal(after?.traffic.networks, before?.traffic.networks);
  const www = (c = before) => c?.zones.get('example.com.')?.nodes.get('www.example.com.');
  assert.equal(www(after), www(before));
  await controller.apply([put('region', 'eu', { ...berlin, dial: 9 })], by);
  assert.equal(compiled.at(-1)?.zones, after?.zones);
});

test('applyZoneText() makes the zone equal to the text', async () => {
  const { controller } = await openBench();
  await controller.apply(exampleWrites(), by);
  const text = (serial: number) => `$TTL 300
@    SOA   ns1 hostmaster ${serial} 2h 15m 2w 5m
@    NS    ns1
ns1  A     192.0.2.54
www  STEER web
mail 60 A  192.0.2.25
`;
  const result = await controller.applyZoneText('example.com.', text(5), by);
  assert.equal(serialOf(controller), 6);
  assert.deepEqual(result.changes.map(({ id }) => id.split('/').slice(1).join(' ')).sort(), [
    'example.com. NS',
    'example.com. SOA',
    'mail.example.com. A',
    'ns1.example.com. A',
  ]);
  assert.deepEqual(await codesOf(controller.applyZoneText('example.com.', text(5), by)), [
    'E_ZONE_SERIAL',
  ]);
  assert.deepEqual((await controller.applyZoneText('example.com.', text(6), by)).changes, []);
  await controller.applyZoneText('new.example', text(1), by);
  assert.deepEqual([...controller.configuration().zones.keys()], ['example.com.', 'new.example.']);
  await assert.rejects(
    controller.applyZoneText('example.com.', 'www A 1.2.3\n@ MX 10', by),
    (error) =>
      error instanceof MeridianError && error.problems.length >= 2 && /:1: /.test(error.message),
  );
});

test('an rrset in a zone whose name has a slash is found again', async () => {
  const { controller } = await openBench();
  const zone = '0/25.2.0.192.in-addr.arpa.';
  const id = `${zone}/1.${zone}/PTR`;
  await controller.apply(
    [
      put('zone', zone, {}),
      put('rrset', `${zone}/${zone}/SOA`, { ttl: 60, values: ['a. b. 1 2 3 4 5'] }),
      put('rrset', `${zone}/${zone}/NS`, { ttl: 60, values: ['ns1.example.net.'] }),
      put('rrset', id, { ttl: 60, values: ['www.example.com.'] }),
    ],
    by,
  );
  assert.equal(controller.body('rrset', id), '{"ttl":60,"values":["www.example.com."]}');
  assert.equal(controller.configuration().zones.get(zone)?.nodes.size, 2);
});

test('apply() says nothing of a change of before where the cluster permits none', async () => {
  let isLeader = true;
  const replication = {
    permit: () => {
      if (isLeader) return 1;
      throw new MeridianError({ code: 'E_NOT_LEADER', message: 'another leads; ask it' });
    },
    prepare: async () => {},
    append: async () => {},
    replica: async () => undefined,
  };
  const { controller } = await openBench({ replication });
  const keyed = { ...by, idempotencyKey: 'k' };
  await controller.apply(exampleWrites(), keyed);
  isLeader = false;
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), keyed)), ['E_NOT_LEADER']);
  assert.deepEqual(await codesOf(controller.apply(exampleWrites(), by)), ['E_NOT_LEADER']);
  const dry = await controller.apply(exampleWrites(), { ...by, dryRun: true });
  assert.deepEqual(dry.changes, []);
});
