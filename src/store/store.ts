import type { HealthSnapshot } from '../control/apply-health.ts';
import type { ObjectChange, ObjectKind, Revision } from '../control/change.ts';

/** One stored object. Its ETag is `"r<revision>"` with the revision that last changed it. */
export interface StoredObject {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly body: string;
  readonly revision: number;
}

export interface StoredToken {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the secret, hex; the secret itself is never stored. */
  readonly hash: string;
  readonly scopes: readonly string[];
  /** RFC 3339, or null for never. */
  readonly expiresAt: string | null;
  readonly createdAt: string;
}

/**
 * Where revisions live. `commit` returns only after the bytes are on disk (invariant 8), or throws
 * and has changed nothing. Synchronous, as node:sqlite is; the calls are short.
 */
export interface Store {
  /** Number of the newest revision; 0 in an empty store. */
  latest(): number;
  objects(): Iterable<StoredObject>;
  object(kind: ObjectKind, id: string): StoredObject | undefined;
  /** Appends one revision; `expected` must still be the latest (compare-and-set), else it throws. */
  commit(
    expected: number,
    entry: {
      readonly at: string;
      readonly actor: string;
      readonly summary: string;
      readonly changes: readonly ObjectChange[];
      readonly idempotencyKey?: string;
      readonly response?: string;
    },
  ): Revision;
  revision(number: number): Revision | undefined;
  /** Newest first, below `before`. */
  revisions(before: number, limit: number): readonly Revision[];
  /** Answer of an earlier request with this key, while it is remembered (a day). */
  remembered(idempotencyKey: string): string | undefined;
  tokens(): readonly StoredToken[];
  putToken(token: StoredToken): void;
  deleteToken(id: string): boolean;
  /** What was down when it was last saved; undefined when nothing was, or in an older form. */
  loadHealth(): HealthSnapshot | undefined;
  saveHealth(health: HealthSnapshot): void;
  /** Checks the hash chain from the first revision on; returns the first bad number, or undefined. */
  verify(): number | undefined;
  close(): void;
}
