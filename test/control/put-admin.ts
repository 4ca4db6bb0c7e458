import { createHash } from 'node:crypto';
import type { Store } from '../../src/store/store.ts';

/** Puts an admin token of the process's own into a store, without a revision; returns its secret. */
export function putAdmin(store: Store, name: string): string {
  const secret = `secret of ${name}`.replaceAll(' ', '-');
  const hash = createHash('sha256').update(secret).digest('hex');
  const createdAt = '2026-01-01T00:00:00Z';
  store.putToken({ id: name, name, hash, scopes: ['admin'], expiresAt: null, createdAt });
  return secret;
}
