import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { exportFolder } from '../../src/control/export-folder.ts';
import { fillFromFolder, importFolder, readFolder } from '../../src/control/import-folder.ts';
import type { Replication } from '../../src/control/replication.ts';
import { diffZones } from '../../src/zone/diff-zone.ts';
import { by, openBench, put, serialOf } from './fixtures.ts';

const parent = mkdtempSync(join(tmpdir(), 'meridian-folders-'));
after(() => rmSync(parent, { recursive: true, force: true }));

let count = 0;
function folderOf(files: Record<string, string>): string {
  const folder = join(parent, `f${count++}`);
  mkdirSync(folder);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

const zone = (serial: number, lines = '') => `$TTL 300
@    SOA   ns1 hostmaster ${serial} 2h 15m 2w 5m
@    NS    ns1
ns1  A     192.0.2.53
${lines}`;
const traffic = `regions:
  eu: { latitude: 52.5, longitude: 13.4 }
  us: { latitude: 39, longitude: -77.5 }
monitors:
  port: { type: tcp, port: 443 }
services:
  web:
    monitors: [port]
    members: { eu: { a: [192.0.2.1] }, us: { a: [192.0.2.2] } }
    policy: { failover: all }
networks:
  192.0.2.0/24: { country: DE }
`;
const files = {
  'example.com.zone': zone(1, 'www STEER web\n'),
  'other.example.zone': zone(1),
  'traffic.yaml': traffic,
};
const actor = { actor: 'cli' };

test('importFolder() takes a whole folder as one revision, and then nothing', async () => {
  const folder = folderOf(files);
  const { controller, store } = await openBench();
  const result = await importFolder(controller, folder, actor);
  assert.equal(result.revision, 1);
  assert.deepEqual(
    [...controller.configuration().zones.keys()],
    ['example.com.', 'other.example.'],
  );
  assert.equal(controller.configuration().traffic.networks.length, 1);
  assert.equal(store.revision(1)?.actor, 'cli');
  const again = await importFolder(controller, folder, actor);
  assert.deepEqual(again.changes, []);
});

test('importFolder() makes zones equal to their files, removals included', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  await controller.apply(
    [put('rrset', 'example.com./x.example.com./A', { ttl: 1, values: ['192.0.2.7'] })],
    by,
  );
  assert.equal(serialOf(controller), 2);
  const result = await importFolder(controller, folderOf(files), actor);
  assert.deepEqual(
    result.changes.map(({ id, after }) => [id.split('/')[1], after === null]),
    [
      ['x.example.com.', true],
      ['example.com.', false],
    ],
  );
  // The file still says 1; the serial that secondaries know moves on.
  assert.equal(serialOf(controller), 3);
  assert.deepEqual((await importFolder(controller, folderOf(files), actor)).changes, []);
});

test('importFolder() takes a serial that the file has moved forward', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const dated = folderOf({ 'example.com.zone': zone(2_026_010_100, 'www STEER web\n') });
  await importFolder(controller, dated, actor);
  assert.equal(serialOf(controller), 2_026_010_100);
});

test('importFolder() leaves what the folder does not speak of, unless it prunes', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const fewer = folderOf({
    'other.example.zone': zone(1),
    'traffic.yaml': 'regions:\n  eu: { latitude: 52.5, longitude: 13.4 }\n',
  });
  assert.deepEqual((await importFolder(controller, fewer, actor)).changes, []);
  const plan = await importFolder(controller, fewer, { ...actor, prune: true, dryRun: true });
  assert.deepEqual(
    plan.changes.filter(({ kind }) => kind !== 'rrset').map(({ kind, id }) => `${kind} ${id}`),
    ['zone example.com.', 'service web', 'region us', 'monitor port', 'network 192.0.2.0/24'],
  );
  await importFolder(controller, fewer, { ...actor, prune: true });
  const { zones, traffic: left } = controller.configuration();
  assert.deepEqual([...zones.keys()], ['other.example.']);
  assert.deepEqual([left.regions.size, left.services.size, left.networks.length], [1, 0, 0]);
});

test('importFolder() without a traffic file says nothing of traffic, also when it prunes', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const zones = { 'example.com.zone': files['example.com.zone'], 'other.example.zone': zone(1) };
  const result = await importFolder(controller, folderOf(zones), { ...actor, prune: true });
  assert.deepEqual(result.changes, []);
});

test('importFolder() refuses the whole for any error and names every line', async () => {
  const { controller, store } = await openBench();
  const folder = folderOf({
    ...files,
    'example.com.zone': zone(1, 'www A 1.2.3\nmail MX x\n'),
    'traffic.yaml': traffic.replace('latitude: 39', 'latitude: 390'),
  });
  await assert.rejects(importFolder(controller, folder, actor), (error) => {
    assert.ok(error instanceof MeridianError);
    const places = error.problems.map(({ where }) => where?.replace(/^.*\//, ''));
    assert.deepEqual(places.sort(), ['example.com.zone:5', 'example.com.zone:6', 'traffic.yaml:3']);
    return true;
  });
  assert.equal(store.latest(), 0);
});

test('importFolder() names the line of a STEER to a service that does not exist', async () => {
  const { controller } = await openBench();
  const folder = folderOf({ ...files, 'example.com.zone': zone(1, 'www STEER wbe\n') });
  await assert.rejects(importFolder(controller, folder, actor), (error) => {
    assert.ok(error instanceof MeridianError);
    assert.equal(error.code, 'E_SERVICE_UNKNOWN');
    assert.match(error.message, /example\.com\.zone:5: .*"wbe".*did you mean "web"\?/);
    return true;
  });
});

test('importFolder() refuses a folder that is empty or not there', async () => {
  const { controller } = await openBench();
  for (const folder of [folderOf({}), join(parent, 'nowhere')]) {
    await assert.rejects(
      importFolder(controller, folder, { ...actor, prune: true }),
      MeridianError,
    );
  }
});

test('fillFromFolder() takes what is right and reports the rest', async () => {
  const { controller } = await openBench();
  const folder = folderOf({
    'bad.example.zone': zone(1, 'www A 1.2.3\n'),
    'example.com.zone': files['example.com.zone'],
    'lost.example.zone': zone(1, 'www STEER broken\n'),
    'traffic.yaml': `${traffic.split('networks:')[0]}  broken:
    members: { mars: { a: [192.0.2.3] } }
`,
  });
  const { revision, problems } = await fillFromFolder(controller, folder);
  assert.equal(revision, 1);
  assert.deepEqual([...controller.configuration().zones.keys()], ['example.com.']);
  assert.deepEqual([...controller.configuration().traffic.services.keys()], ['web']);
  const codes = new Set(
    problems.map(({ code, where }) => `${where?.replace(/^.*\//, '')} ${code}`),
  );
  assert.ok(codes.has('traffic.yaml:12 E_REGION_UNKNOWN'), [...codes].join());
  assert.ok(
    [...codes].some((code) => code.startsWith('bad.example.zone:5 ')),
    [...codes].join(),
  );
  assert.ok(codes.has('lost.example.zone:5 E_SERVICE_UNKNOWN'), [...codes].join());
});

test('fillFromFolder() fills nothing at all where the cluster fails, and can be called again', async () => {
  let left = 1;
  const replication: Replication = {
    prepare: async () => {},
    permit: () => 1,
    append: async () => {
      if (left-- > 0) throw new MeridianError({ code: 'E_NO_BUS', message: 'no bus' });
    },
    replica: async () => undefined,
  };
  const { controller } = await openBench({ replication });
  await assert.rejects(fillFromFolder(controller, folderOf(files)), /E_NO_BUS/);
  assert.equal(controller.configuration().revision, 0);
  assert.deepEqual(await fillFromFolder(controller, folderOf(files)), {
    revision: 1,
    problems: [],
  });
});

test('fillFromFolder() says so when there is nothing to take', async () => {
  const { controller } = await openBench();
  const { revision, problems } = await fillFromFolder(controller, folderOf({}));
  assert.equal(revision, 0);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['E_IMPORT_EMPTY'],
  );
  const bad = await fillFromFolder(controller, folderOf({ 'bad.example.zone': 'x' }));
  assert.equal(bad.revision, 0);
  const codes = bad.problems.map(({ code }) => code);
  assert.ok(codes.length > 0 && !codes.includes('E_IMPORT_EMPTY'), codes.join());
});

test('exportFolder() writes files that read back into the same configuration', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const slashed = '0/25.2.0.192.in-addr.arpa.';
  for (const origin of [slashed, '.']) {
    await controller.applyZoneText(origin, '@ 60 SOA ns. h. 1 2 3 4 5\n@ 60 NS ns.example.\n', by);
  }
  const folder = join(parent, 'out', 'zones');
  const written = exportFolder(controller.configuration(), folder);
  assert.ok(written.every((file) => file.written));
  const names = [
    '0\\04725.2.0.192.in-addr.arpa.zone',
    '@.zone',
    'example.com.zone',
    'other.example.zone',
    'traffic.schema.json',
    'traffic.yaml',
  ];
  assert.deepEqual(readdirSync(folder).sort(), names);
  const content = readFolder(folder);
  assert.deepEqual(
    content.problems.filter(({ severity }) => severity !== 'warning'),
    [],
  );
  const { zones, traffic: exported } = controller.configuration();
  assert.deepEqual(content.traffic, exported);
  assert.equal(content.zones.length, zones.size);
  for (const read of content.zones) assert.deepEqual(diffZones(zones.get(read.origin), read), []);
  assert.deepEqual((await importFolder(controller, folder, { ...actor, prune: true })).changes, []);
});

test('exportFolder() does not touch a file that is right already', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const folder = folderOf({});
  exportFolder(controller.configuration(), folder);
  const before = statSync(join(folder, 'traffic.yaml')).ino;
  assert.ok(exportFolder(controller.configuration(), folder).every(({ written }) => !written));
  assert.equal(statSync(join(folder, 'traffic.yaml')).ino, before);
});

test('exportFolder() leaves the old file when it cannot write', async () => {
  const { controller } = await openBench();
  await importFolder(controller, folderOf(files), actor);
  const folder = folderOf({});
  mkdirSync(join(folder, 'traffic.yaml'));
  assert.throws(
    () => exportFolder(controller.configuration(), folder),
    (error) => error instanceof MeridianError && error.code === 'E_EXPORT',
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
  assert.match(readFileSync(join(folder, 'example.com.zone'), 'utf8'), /STEER/);
});

test('readFolder() tells a traffic file that is no UTF-8 from one that cannot be read', () => {
  const latin1 = folderOf({});
  writeFileSync(join(latin1, 'traffic.yaml'), Buffer.from([0x23, 0xe9, 0x0a]));
  const [encoding] = readFolder(latin1).problems;
  assert.equal(encoding?.code, 'E_FORM_SYNTAX');
  assert.match(encoding?.message ?? '', /save it as UTF-8 text$/);
  const unreadable = folderOf({});
  mkdirSync(join(unreadable, 'traffic.yaml'));
  const [reading] = readFolder(unreadable).problems;
  assert.equal(reading?.code, 'E_ZONE_FILE');
  assert.match(reading?.message ?? '', /EISDIR.*; mend its path or permissions$/);
});
