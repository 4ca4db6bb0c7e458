import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { finishSteps } from '../../src/base/steps.ts';
import { ImagePublishing } from '../../src/cli/image-publishing.ts';
import { readImageFile, writeImageFile } from '../../src/image/image-file.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { FullImage } from '../../src/server/full-image.ts';
import { updateImage } from '../../src/server/image.ts';
import { STEER } from '../../src/wire/types.ts';
import { editZone } from '../../src/zone/edit-zone.ts';
import { rrsetFromJson } from '../../src/zone/rrset-json.ts';
import type { RRset, Zone } from '../../src/zone/zone.ts';
import { service } from '../policy/build.ts';
import { configure, Serving, zone } from './serving.ts';

const origin = 'large.example.';
const names = Array.from(
  { length: 2500 },
  (_, index) => `h${index} 60 A 10.0.${index >> 8}.${index & 255}`,
);
const web = service('ireland', { ireland: { a: ['192.0.2.1'], aaaa: [] } });

/** A zone that is large, with services and records that point at others. */
function largeZone(): Zone {
  return zone(origin, `${names.join('\n')}\nwww STEER web\nmail 60 MX 10 h7\nsub 60 NS ns.sub\n`);
}

function edited(before: Zone, owner: string, type: string, values: readonly string[] | null): Zone {
  const key = `${owner}.${origin}`;
  const rrset = rrsetFromJson(origin, key, type, { ttl: 60, values: values ?? ['192.0.2.9'] });
  if (Array.isArray(rrset)) throw new Error(JSON.stringify(rrset));
  const made = rrset as RRset;
  return editZone(before, [{ owner: key, type: made.type, rrset: values && made }]);
}

const addressed = (before: Zone, owner: string, address: string) =>
  edited(before, owner, 'A', [address]);

function servingLarge(): { serving: Serving; current: Zone } {
  const current = largeZone();
  return { serving: new Serving().serve({ zones: [current], services: { web } }), current };
}

/** Where the zone of an update stands. */
function placeOf(update: ImageUpdate | undefined): { segment: SharedArrayBuffer; root: number } {
  const [slot] = update?.zones ?? [];
  assert.ok(slot?.segment);
  return { segment: slot.segment, root: slot.root ?? 0 };
}

test('ImageCompiler makes the versions of a large zone in one memory, each as it was', () => {
  const { serving, current } = servingLarge();
  const first = serving.responder.image;
  serving.serve({ zones: [addressed(current, 'h7', '192.0.2.77')] });
  const [one, two] = serving.updates.map(placeOf);
  assert.ok(one && two);
  assert.equal(one.segment, two.segment);
  assert.notEqual(one.root, two.root);
  assert.deepEqual(serving.addresses(`h7.${origin}`), ['192.0.2.77']);
  assert.deepEqual(serving.ask(`mail.${origin} MX`).additional, [`h7.${origin} 60 A 192.0.2.77`]);
  assert.deepEqual(serving.addresses(`www.${origin}`), ['192.0.2.1']);
  serving.responder.image = first;
  assert.deepEqual(serving.addresses(`h7.${origin}`), ['10.0.0.7']);
});

test('ImageCompiler lets a large zone that was prepared and refused leave no trace', () => {
  const { serving, current } = servingLarge();
  const refused = addressed(addressed(current, 'h7', '192.0.2.66'), 'new', '192.0.2.66');
  serving.images.prepare(configure({ zones: [refused] }, serving.configuration));
  serving.serve({ zones: [addressed(current, 'h8', '192.0.2.88')] });
  assert.deepEqual(serving.addresses(`h7.${origin}`), ['10.0.0.7']);
  assert.deepEqual(serving.addresses(`h8.${origin}`), ['192.0.2.88']);
  assert.equal(serving.ask(`new.${origin}`).rcode, 'NXDOMAIN');
});

test('ImageCompiler compiles a large zone as a whole once a service has another slot', () => {
  const { serving, current } = servingLarge();
  const gone = [{ owner: `www.${origin}`, type: STEER, rrset: null }];
  serving.serve({ services: {}, zones: [editZone(current, gone)] });
  const api = service('ireland', { ireland: { a: ['192.0.2.2'], aaaa: [] } });
  serving.serve({ services: { api } });
  serving.serve({ services: { api, web }, zones: [current] });
  assert.deepEqual(serving.addresses(`www.${origin}`), ['192.0.2.1']);
});

test('ImageCompiler.fold() copies what a version has, and takeFold() what was edited meanwhile', () => {
  const { serving, current } = servingLarge();
  let latest = current;
  let edits = 0;
  for (; !serving.images.hasWaste; edits += 1) {
    latest = addressed(latest, `h${edits % 50}`, `192.0.2.${edits % 250}`);
    serving.serve({ zones: [latest] });
  }
  const used = serving.updates.at(-1)?.zones[0]?.bytes ?? 0;
  const steps = serving.images.fold();
  assert.equal(steps.next().done, false);
  latest = edited(addressed(latest, 'h2000', '192.0.2.200'), 'h2001', 'A', null);
  serving.serve({ zones: [latest] });
  const folded = finishSteps(steps);
  assert.ok(folded);
  const next = addressed(latest, 'h2002', '192.0.2.202');
  const prepared = serving.images.prepare(configure({ zones: [next] }, serving.configuration));
  const update = serving.images.takeFold(folded);
  assert.ok(update);
  serving.take(update);
  assert.notEqual(placeOf(update).segment, placeOf(serving.updates[0]).segment);
  assert.ok((update.zones[0]?.bytes ?? 0) < used * 0.8, `${edits} edits, ${used} octets`);
  assert.deepEqual(serving.addresses(`h2000.${origin}`), ['192.0.2.200']);
  assert.equal(serving.ask(`h2001.${origin}`).rcode, 'NXDOMAIN');
  assert.deepEqual(serving.addresses(`h49.${origin}`).length, 1);
  assert.deepEqual(serving.addresses(`www.${origin}`), ['192.0.2.1']);
  // What was prepared on the memory before is made anew on the fold.
  serving.take(prepared.accept());
  assert.equal(placeOf(serving.updates.at(-1)).segment, placeOf(update).segment);
  assert.deepEqual(serving.addresses(`h2002.${origin}`), ['192.0.2.202']);
  assert.equal(finishSteps(serving.images.fold()), undefined);
  assert.equal(serving.images.hasWaste, false);
});

test('ImagePublishing folds a large zone once edits have filled it with waste', async () => {
  const { serving, current } = servingLarge();
  const clock = new VirtualClock();
  const latency = new LatencyTable({ clock, coordinatesOf: () => undefined });
  const dataPlane = { publish: async (update: ImageUpdate) => serving.take(update) };
  const { images } = serving;
  const publishing = new ImagePublishing({ images, dataPlane, latency, clock, log: silentLog });
  const { segment } = placeOf(serving.updates[0]);
  let latest = current;
  let { configuration } = serving;
  for (let edit = 0; !images.hasWaste; edit += 1) {
    latest = addressed(latest, 'h7', `192.0.2.${edit % 250}`);
    configuration = configure({ zones: [latest] }, configuration);
    await publishing.publish(images.prepare(configuration).accept());
  }
  while (images.hasWaste) await new Promise((done) => setImmediate(done));
  publishing.close();
  assert.notEqual(placeOf(serving.updates.at(-1)).segment, segment);
  assert.deepEqual(serving.addresses(`h8.${origin}`), ['10.0.0.8']);
});

test('writeImageFile() saves a version of a large zone, and nothing of the room behind it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-large-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { serving, current } = servingLarge();
  serving.serve({ zones: [addressed(current, 'h7', '192.0.2.77')] });
  const image = new FullImage();
  const replaced = serving.updates.map((update) => image.apply(update));
  assert.deepEqual(replaced, [0, 0], 'the memory goes on being used');
  const path = join(folder, 'image');
  const saving = writeImageFile(path, 'this', 'h2', image.toUpdate());
  // Goes on behind what is being saved.
  serving.serve({
    zones: [addressed(serving.configuration.zones.get(origin) ?? current, 'h7', '192.0.2.78')],
  });
  await saving;
  const usedBytes = image.toUpdate().zones[0]?.bytes ?? 0;
  assert.ok(statSync(path).size < usedBytes + 10_000, `${usedBytes} octets are in use`);
  const read = readImageFile(path, 'this', () => true);
  assert.ok(typeof read !== 'string', String(read));
  serving.responder.image = updateImage(serving.responder.image, read);
  assert.deepEqual(serving.addresses(`h7.${origin}`), ['192.0.2.77']);
  assert.deepEqual(serving.addresses(`h2499.${origin}`), ['10.0.9.195']);
});
