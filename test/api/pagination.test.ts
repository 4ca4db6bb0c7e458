import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeCursor,
  decodeNumberCursor,
  encodeCursor,
  pageOfKeys,
  pageOfNumbered,
} from '../../src/api/pagination.ts';
import { MeridianError } from '../../src/base/errors.ts';

function walk(keys: readonly string[], limit: number): string[] {
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = pageOfKeys(keys, { limit, cursor });
    assert.ok(page.items.length <= limit);
    seen.push(...page.items);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);
  return seen;
}

test('pageOfKeys() walked to the end gives every key once, in order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ unit: 'binary-ascii' })),
      fc.integer({ min: 1, max: 7 }),
      (keys, limit) => {
        const sorted = [...keys].sort();
        assert.deepEqual(walk(sorted, limit), sorted);
      },
    ),
  );
});

test('pageOfKeys() neither repeats nor skips what stays when the list changes between pages', () => {
  const first = pageOfKeys(['b', 'd', 'f'], { limit: 2 });
  assert.deepEqual(first.items, ['b', 'd']);
  const second = pageOfKeys(['a', 'b', 'e', 'f'], { limit: 9, cursor: first.next ?? '' });
  assert.deepEqual(second, { items: ['e', 'f'], next: null });
});

test('pageOfKeys() offers no next page when the last item is in this one', () => {
  assert.equal(pageOfKeys(['a', 'b'], { limit: 2 }).next, null);
});

test('pageOfNumbered() runs from new to old and ends', () => {
  const all = [9, 7, 6, 2];
  const read = (before: number, limit: number) =>
    all.filter((number) => number < before).slice(0, limit);
  const first = pageOfNumbered(read, (number) => number, { limit: 2 });
  assert.deepEqual(first.items, [9, 7]);
  const second = pageOfNumbered(read, (number) => number, { limit: 2, cursor: first.next ?? '' });
  assert.deepEqual(second, { items: [6, 2], next: null });
});

const isCursorError = (error: unknown) =>
  error instanceof MeridianError && error.code === 'E_CURSOR';

test('decodeCursor() takes back what encodeCursor() gave and refuses all else', () => {
  fc.assert(
    fc.property(fc.string(), (position) => {
      assert.equal(decodeCursor(encodeCursor(position)), position);
    }),
  );
  for (const bad of ['', 'x', '!!!', encodeCursor('a').slice(1), `${encodeCursor('a')}=`]) {
    assert.throws(() => decodeCursor(bad), isCursorError, bad);
  }
});

test('decodeNumberCursor() refuses a cursor of another list', () => {
  assert.equal(decodeNumberCursor(encodeCursor('12')), 12);
  for (const bad of ['', '0', '-1', '1.5', 'example.com.']) {
    assert.throws(() => decodeNumberCursor(encodeCursor(bad)), isCursorError, bad);
  }
});
