import assert from 'node:assert/strict';
import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { HealthSnapshot } from '../control/apply-health.ts';
import type { ObjectChange, ObjectKind, Revision } from '../control/change.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import { chainHash, chainStart, readChangeBlock } from './chain.ts';
import type {
  Replacement,
  ReplacementHead,
  Store,
  StoredAnswer,
  StoredObject,
  StoredToken,
  StoreView,
} from './store.ts';

/** A store without a disk, for tests, simulations and `check`; forgets all when it is dropped. */
export class MemoryStore implements Store {
  readonly #now: () => number;
  #objects = new Map<string, StoredObject>();
  /** Revisions from `#base.number + 1` on. */
  #revisions: HeldRevision[] = [];
  #base = { number: 0, hash: chainStart };
  #term = 0;
  #knownTerm = 0;
  /** The objects before the newest revision, when it can be undone. */
  #before: Map<string, StoredObject> | undefined;
  readonly #tokens = new Map<string, StoredToken>();
  readonly #answers = new Map<string, StoredAnswer & { readonly revision: number }>();
  #health: HealthSnapshot | undefined;

  /** `now` gives milliseconds since 1970, by which answers are forgotten. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  latest(): number {
    return this.#base.number + this.#revisions.length;
  }

  digest(): string {
    return this.#revisions.at(-1)?.revision.hash ?? this.#base.hash;
  }

  term(): number {
    return this.#term;
  }

  knownTerm(): number {
    return this.#knownTerm;
  }

  confirmTerm(term: number): void {
    this.#term = Math.max(this.#term, term);
    this.knowTerm(term);
  }

  knowTerm(term: number): void {
    this.#knownTerm = Math.max(this.#knownTerm, term);
  }

  objects(): Iterable<StoredObject> {
    return [...this.#objects.values()];
  }

  content(): Iterable<StoredObject> {
    return this.objects();
  }

  object(kind: ObjectKind, id: string): StoredObject | undefined {
    return this.#objects.get(objectKey(kind, id));
  }

  commit(expected: number, entry: Parameters<Store['commit']>[1]): Revision {
    if (expected !== this.latest()) throw staleCommit(expected, this.latest());
    const { at, actor, summary, term } = entry;
    const changes: ObjectChange[] = entry.changes.map((change) => ({ ...change }));
    for (const { lines } of entry.newObjects ?? []) {
      for (const change of readChangeBlock(Buffer.from(lines).toString('latin1'))) {
        changes.push(change);
      }
    }
    const head = { number: expected + 1, at, actor, summary, changes };
    const revision: Revision = { ...head, hash: chainHash(this.digest(), head) };
    this.#before = term === undefined ? undefined : new Map(this.#objects);
    for (const { kind, id, after } of changes) {
      const key = objectKey(kind, id);
      if (after === null) this.#objects.delete(key);
      else this.#objects.set(key, { kind, id, body: after, revision: revision.number });
    }
    this.#revisions.push({ revision, term: term ?? 0 });
    this.confirmTerm(term ?? 0);
    this.#remember(revision.number, entry.idempotencyKey, entry.response);
    return revision;
  }

  undo(number: number): void {
    assert(number === this.latest(), `revision ${number} is not the newest`);
    assert(this.#before !== undefined, `revision ${number} cannot be undone`);
    this.#objects = this.#before;
    this.#before = undefined;
    this.#revisions.pop();
    for (const [key, answer] of this.#answers) {
      if (answer.revision === number) this.#answers.delete(key);
    }
  }

  revision(number: number): Revision | undefined {
    return this.#held(number)?.revision;
  }

  replicated(number: number): ReplicatedRevision | undefined {
    const held = this.#held(number);
    if (held === undefined) return undefined;
    const previousHash = this.#held(number - 1)?.revision.hash ?? this.#base.hash;
    const answer = [...this.#answers.values()].find(({ revision }) => revision === number);
    const kept =
      answer === undefined ? {} : { idempotencyKey: answer.key, response: answer.response };
    return { ...held.revision, term: held.term, previousHash, ...kept };
  }

  changeChars(number: number, most: number): number {
    let chars = 0;
    for (const { before, after } of this.#held(number)?.revision.changes ?? []) {
      chars += (before?.length ?? 0) + (after?.length ?? 0) + 64;
      if (chars > most) break;
    }
    return chars;
  }

  revisions(before: number, limit: number): readonly Revision[] {
    const end = Math.max(0, Math.min(before - 1 - this.#base.number, this.#revisions.length));
    const held = this.#revisions.slice(Math.max(0, end - limit), end).reverse();
    return held.map(({ revision }) => revision);
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

  view(): StoreView {
    this.#forget();
    const objects = [...this.#objects.values()];
    const answers = [...this.#answers.values()];
    return {
      latest: this.latest(),
      digest: this.digest(),
      term: this.#term,
      objects: () => objects,
      answers: () => answers.map(({ key, response, epochMs }) => ({ key, response, epochMs })),
      close: () => {},
    };
  }

  replacement(): Replacement {
    let objects = new Map<string, StoredObject>();
    let answers: StoredAnswer[] = [];
    return {
      addObjects: (more) => {
        for (const object of more) objects.set(objectKey(object.kind, object.id), object);
      },
      addAnswers: (more) => answers.push(...more),
      finish: (head) => this.#replace(head, objects, answers),
      abandon: () => {
        objects = new Map();
        answers = [];
      },
    };
  }

  verify(): number | undefined {
    let previousHash = this.#base.hash;
    for (const { revision } of this.#revisions) {
      if (chainHash(previousHash, revision) !== revision.hash) return revision.number;
      previousHash = revision.hash;
    }
    return undefined;
  }

  close(): void {}

  #held(number: number): HeldRevision | undefined {
    return this.#revisions[number - this.#base.number - 1];
  }

  #replace(
    head: ReplacementHead,
    objects: Map<string, StoredObject>,
    answers: readonly StoredAnswer[],
  ): void {
    const base = baseOf(head);
    const own = base.number === this.#base.number ? this.#base : this.revision(base.number);
    if (own?.hash === base.hash) this.#revisions.length = base.number - this.#base.number;
    else {
      this.#base = base;
      this.#revisions = [];
    }
    for (const { term, number, at, actor, summary, changes, hash } of head.history) {
      this.#revisions.push({ revision: { number, at, actor, summary, changes, hash }, term });
    }
    this.#objects = objects;
    this.#before = undefined;
    this.#answers.clear();
    for (const answer of answers) this.#answers.set(answer.key, { ...answer, revision: 0 });
    this.confirmTerm(head.term);
  }

  #remember(revision: number, key: string | undefined, response: string | undefined): void {
    this.#forget();
    if (key === undefined || response === undefined) return;
    this.#answers.set(key, { key, response, epochMs: this.#now(), revision });
  }

  #forget(): void {
    const oldest = this.#now() - limits.idempotencyMs;
    for (const [key, answer] of this.#answers) {
      if (answer.epochMs < oldest) this.#answers.delete(key);
    }
  }
}

interface HeldRevision {
  readonly revision: Revision;
  readonly term: number;
}

/** The revision that a replacement's history continues: what is older is here already, or gone. */
export function baseOf(head: ReplacementHead): { readonly number: number; readonly hash: string } {
  const [first] = head.history;
  assert(first === undefined || head.history.at(-1)?.number === head.latest);
  if (first === undefined) return { number: head.latest, hash: head.digest };
  return { number: first.number - 1, hash: first.previousHash };
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
