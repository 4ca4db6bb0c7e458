/** Replaces a store's content again and again, and says so once it has begun. */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const store = openSqliteStore(process.argv[2] ?? '');
for (let latest = 1; ; latest++) {
  const replacement = store.replacement();
  const body = String(latest);
  for (let batch = 0; batch < 4; batch++) {
    const ids = Array.from({ length: 500 }, (_, index) => `r${batch * 500 + index}`);
    replacement.addObjects(ids.map((id) => ({ kind: 'region', id, body, revision: latest })));
  }
  const digest = latest.toString(16).padStart(64, '0');
  replacement.finish({ term: latest, latest, digest, history: [] });
  writeSync(1, `${latest}\n`);
}
