/** Commits one revision after the other and prints each number once it is acknowledged. */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const store = openSqliteStore(process.argv[2] ?? '');
for (;;) {
  const latest = store.latest();
  const body = JSON.stringify({ count: latest + 1, padding: 'x'.repeat(latest % 5000) });
  const { number } = store.commit(latest, {
    at: '2026-01-02T03:04:05.000Z',
    actor: 'child',
    summary: 'count',
    changes: [{ kind: 'region', id: 'counter', before: null, after: body }],
  });
  writeSync(1, `${number}\n`);
}
