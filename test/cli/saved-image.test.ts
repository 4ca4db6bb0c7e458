import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { SavedImage } from '../../src/cli/saved-image.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import { FullImage } from '../../src/server/full-image.ts';

interface Process {
  readonly saved: SavedImage;
  readonly published: ImageUpdate[];
}

/** A process on a data directory, with a data plane that keeps what it is given. */
function processOn(folder: string, historyOf = (revision: number) => `h${revision}`): Process {
  const image = new FullImage();
  const published: ImageUpdate[] = [];
  const dataPlane = {
    async publish(update: ImageUpdate) {
      assert.ok(update.epoch > image.epoch, 'epochs rise');
      image.apply(update);
      published.push(update);
    },
    image: () => image.toUpdate(),
  };
  const clock = new VirtualClock();
  const parts = { folder, program: 'test', dataPlane, clock, log: silentLog };
  const saved = new SavedImage(parts);
  saved.historyOf = historyOf;
  return { saved, published };
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-saved-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const whole = (revision: number, slots: readonly number[]): ImageUpdate => ({
  epoch: 1,
  revision,
  zoneIndex: new SharedArrayBuffer(8),
  zones: slots.map((slot) => ({ slot, segment: new SharedArrayBuffer(16 + slot) })),
  services: [],
  maps: [],
});

test('SavedImage.serve() serves what the process before it saved at its end', async (t) => {
  const folder = folderOf(t);
  const first = processOn(folder);
  await first.saved.publish(whole(5, [0, 1]));
  await first.saved.close();
  const second = processOn(folder);
  assert.equal(await second.saved.serve(5), true);
  const sizes = second.published[0]?.zones.map(({ slot, bytes }) => [slot, bytes]);
  assert.deepEqual(sizes, [
    [0, 16],
    [1, 17],
  ]);
});

test('SavedImage.serve() serves nothing of another revision, and nothing at the first start', async (t) => {
  const folder = folderOf(t);
  assert.equal(await processOn(folder).saved.serve(5), false);
  const first = processOn(folder);
  await first.saved.publish(whole(5, [0]));
  await first.saved.close();
  const second = processOn(folder);
  assert.equal(await second.saved.serve(6), false);
  assert.deepEqual(second.published, []);
});

test('SavedImage.publish() replaces a served image as a whole, slots that are gone included', async (t) => {
  const folder = folderOf(t);
  const first = processOn(folder);
  await first.saved.publish(whole(5, [0, 1, 7]));
  await first.saved.close();
  const { saved, published } = processOn(folder);
  await saved.serve(5);
  await saved.publish({ epoch: 1, revision: 5, zones: [], services: [], maps: [] });
  await saved.publish({ ...whole(5, [0, 1]), epoch: 2 });
  const last = published.at(-1);
  assert.deepEqual(last?.zones.at(-1), { slot: 7, segment: null });
  assert.deepEqual(
    published.map(({ epoch }) => epoch),
    [1, 2, 3],
  );
});

test('SavedImage.close() saves nothing where no whole image was ever published', async (t) => {
  const folder = folderOf(t);
  const first = processOn(folder);
  await first.saved.publish({ epoch: 1, revision: 0, zones: [], services: [], maps: [] });
  await first.saved.close();
  assert.equal(await processOn(folder).saved.serve(0), false);
});

/** Saves an image of each revision, as so many processes after one another do. */
async function saveAll(folder: string, revisions: readonly number[]): Promise<void> {
  for (const revision of revisions) {
    const { saved } = processOn(folder);
    await saved.publish(whole(revision, [revision]));
    await saved.close();
  }
}

function damage(file: string): void {
  const octets = readFileSync(file);
  octets[60] = (octets[60] ?? 0) ^ 1;
  writeFileSync(file, octets);
}

test('SavedImage.serve() serves the image before where the newest is damaged', async (t) => {
  const folder = folderOf(t);
  await saveAll(folder, [5, 5]);
  damage(join(folder, 'meridian.image'));
  const { saved, published } = processOn(folder);
  assert.equal(await saved.serve(5), true);
  assert.equal(published[0]?.revision, 5);
});

test('SavedImage.serve() serves an earlier revision only to those who may be behind', async (t) => {
  const folder = folderOf(t);
  await saveAll(folder, [3, 4, 5, 6]);
  damage(join(folder, 'meridian.image'));
  assert.equal(await processOn(folder).saved.serve(6), false);
  const { saved, published } = processOn(folder);
  assert.equal(await saved.serve(6, true), true);
  assert.equal(published[0]?.revision, 5);
  damage(join(folder, 'meridian.image.1'));
  const older = processOn(folder);
  assert.equal(await older.saved.serve(6, true), true);
  assert.equal(older.published[0]?.revision, 4);
});

test('SavedImage.serve() serves nothing of a history that the store does not have', async (t) => {
  const folder = folderOf(t);
  await saveAll(folder, [4, 5]);
  const other = processOn(folder, (revision) => `x${revision}`);
  assert.equal(await other.saved.serve(5, true), false);
  assert.equal(await other.saved.serve(9, true), false);
  assert.deepEqual(other.published, []);
});
