import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settleMemory } from '../../src/cli/settle-memory.ts';

test('settleMemory() gives back what nothing refers to any more', () => {
  let garbage: unknown[] = Array.from({ length: 500_000 }, (_, index) => ({ index }));
  const before = process.memoryUsage();
  assert.ok(garbage.length > 0);
  garbage = [];
  settleMemory();
  const after = process.memoryUsage();
  const leastBytes = 16 * 1024 * 1024;
  assert.ok(before.heapTotal - after.heapTotal > leastBytes, JSON.stringify({ before, after }));
  assert.ok(before.rss - after.rss > leastBytes, JSON.stringify({ before, after }));
});
