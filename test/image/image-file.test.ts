import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { packSegments } from '../../src/image/arena.ts';
import { type ImageLabel, readImageFile, writeImageFile } from '../../src/image/image-file.ts';
import type { ImageUpdate, SlotUpdate } from '../../src/image/image-update.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-image-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function segmentOf(bytes: number, fill: number): SharedArrayBuffer {
  const segment = new SharedArrayBuffer(bytes);
  new Uint8Array(segment).fill(fill);
  return segment;
}

/** Many small zones in arenas, two services of their own, a free slot. */
function sampleImage(): ImageUpdate {
  const zones = Array.from({ length: 200 }, (_, slot) => ({
    slot,
    segment: segmentOf(4 + 4 * (slot % 50), slot),
  }));
  return {
    epoch: 9,
    revision: 12,
    zoneIndex: segmentOf(64, 250),
    zones: packSegments(zones),
    services: [
      { slot: 3, segment: segmentOf(16, 1) },
      { slot: 1, segment: segmentOf(0, 0) },
    ],
    maps: [{ slot: 0, segment: segmentOf(8, 2) }],
  };
}

const is12 = ({ revision, history }: ImageLabel) => revision === 12 && history === 'h12';

const octetsOf = ({ segment, at = 0, bytes }: SlotUpdate) =>
  segment === null
    ? null
    : Buffer.from(segment)
        .subarray(at, bytes && at + bytes)
        .toString('hex');

const contentOf = (image: ImageUpdate) => ({
  zoneIndex: image.zoneIndex && octetsOf({ slot: 0, segment: image.zoneIndex }),
  zones: image.zones.map((update) => [update.slot, octetsOf(update)]),
  services: image.services.map((update) => [update.slot, octetsOf(update)]),
  maps: image.maps.map((update) => [update.slot, octetsOf(update)]),
});

test('readImageFile() reads back what writeImageFile() wrote, segment by segment', async (t) => {
  const path = join(folderOf(t), 'image');
  const image = sampleImage();
  await writeImageFile(path, 'this', 'h12', image);
  const read = readImageFile(path, 'this', is12);
  assert.ok(typeof read !== 'string', String(read));
  assert.equal(read.revision, 12);
  assert.deepEqual(contentOf(read), contentOf(image));
});

test('readImageFile() refuses another program, another revision and no file, and says so', async (t) => {
  const path = join(folderOf(t), 'image');
  assert.match(String(readImageFile(path, 'this', is12)), /ENOENT/);
  await writeImageFile(path, 'this', 'h12', sampleImage());
  assert.match(String(readImageFile(path, 'other', is12)), /written by this/);
  assert.match(String(readImageFile(path, 'this', () => false)), /revision 12, h12/);
});

test('readImageFile() refuses a file that is damaged anywhere or cut short', async (t) => {
  const path = join(folderOf(t), 'image');
  await writeImageFile(path, 'this', 'h12', sampleImage());
  const good = readFileSync(path);
  for (let at = 0; at < good.length; at += 97) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x20;
    writeFileSync(path, bad);
    assert.equal(typeof readImageFile(path, 'this', is12), 'string', `octet ${at}`);
  }
  for (const length of [0, 5, 44, 200, good.length - 1]) {
    writeFileSync(path, good);
    truncateSync(path, length);
    assert.equal(typeof readImageFile(path, 'this', is12), 'string', `${length} octets`);
  }
});

test('writeImageFile() moves the images before it on, and lets the oldest go', async (t) => {
  const folder = folderOf(t);
  const [path, one, two] = ['image', 'image.1', 'image.2'].map((name) => join(folder, name));
  assert.ok(path !== undefined && one !== undefined && two !== undefined);
  const revisionIn = (file: string) => {
    const image = readImageFile(file, 'this', () => true);
    return typeof image === 'string' ? undefined : image.revision;
  };
  for (const revision of [1, 2, 3, 4]) {
    await writeImageFile(path, 'this', '', { ...sampleImage(), revision }, [one, two]);
  }
  assert.deepEqual([path, one, two].map(revisionIn), [4, 3, 2]);
  assert.deepEqual(readdirSync(folder).toSorted(), ['image', 'image.1', 'image.2']);
});
