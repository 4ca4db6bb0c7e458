import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { HealthSnapshot } from '../control/apply-health.ts';
import type { ObjectChange, ObjectKind, Revision } from '../control/change.ts';
import { chainHash, chainStart } from './chain.ts';
import type { Store, StoredObject, StoredToken } from './store.ts';

/** A store without a disk, for tests, simulations and `check`; forgets all when it is dropped. */
export class MemoryStore implements Store {
  readonly #now: () => number;
  readonly #objects = new Map<string, StoredObject>();
  readonly #revisions: Revision[] = [];
  readonly #tokens = new Map<string, StoredToken>();
  readonly #answers = new Map<string, { response: string; epochMs: number }>();
  #health: HealthSnapshot | undefined;

  /** `now` gives milliseconds since 1970, by which answers are forgotten. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  latest(): number {
    return this.#revisions.length;
  }

  objects(): Iterable<StoredObject> {
    return [...this.#objects.values()];
  }

  object(kind: ObjectKind, id: string): StoredObject | undefined {
    return this.#objects.get(objectKey(kind, id));
  }

  commit(expected: number, entry: Parameters<Store['commit']>[1]): Revision {
    if (expected !== this.latest()) throw staleCommit(expected, this.latest());
    const { at, actor, summary } = entry;
    const changes: ObjectChange[] = entry.changes.map((change) => ({ ...change }));
    const head = { number: expected + 1, at, actor, summary, changes };
    const previousHash = this.#revisions.at(-1)?.hash ?? chainStart;
    const revision: Revision = { ...head, hash: chainHash(previousHash, head) };
    for (const { kind, id, after } of changes) {
      const key = objectKey(kind, id);
      if (after === null) this.#objects.delete(key);
      else this.#objects.set(key, { kind, id, body: after, revision: revision.number });
    }
    this.#revisions.push(revision);
    this.#remember(entry.idempotencyKey, entry.response);
    return revision;
  }

  revision(number: number): Revision | undefined {
    return this.#revisions[number - 1];
  }

  revisions(before: number, limit: number): readonly Revision[] {
    const end = Math.max(0, Math.min(before - 1, this.#revisions.length));
    return this.#revisions.slice(Math.max(0, end - limit), end).reverse();
  }

  remembered(idempotencyKey: string): string | undefined {
    this.#forget();
    return this.#answers.get(idempotencyKey)?.response;
  }

  tokens(): readonly StoredToken[] {
    return [...this.#tokens.values()];
  }

  putToken(token: StoredToken): void {
    this.#tokens.set(token.id, token);
  }

  deleteToken(id: string): boolean {
    return this.#tokens.delete(id);
  }

  loadHealth(): HealthSnapshot | undefined {
    return this.#health;
  }

  saveHealth(health: HealthSnapshot): void {
    this.#health = structuredClone(health);
  }

  verify(): number | undefined {
    let previousHash = chainStart;
    for (const revision of this.#revisions) {
      if (chainHash(previousHash, revision) !== revision.hash) return revision.number;
      previousHash = revision.hash;
    }
    return undefined;
  }

  close(): void {}

  #remember(key: string | undefined, response: string | undefined): void {
    this.#forget();
    if (key === undefined || response === undefined) return;
    this.#answers.set(key, { response, epochMs: this.#now() });
  }

  #forget(): void {
    const oldest = this.#now() - limits.idempotencyMs;
    for (const [key, answer] of this.#answers) {
      if (answer.epochMs < oldest) this.#answers.delete(key);
    }
  }
}

/** What `commit` throws when another revision came first. */
export function staleCommit(expected: number, latest: number): MeridianError {
  return new MeridianError({
    code: 'E_CONFLICT',
    message: `the change was made for revision ${expected}, but ${latest} is the latest; try again`,
  });
}

function objectKey(kind: ObjectKind, id: string): string {
  return `${kind} ${id}`;
}
