import type { HealthSnapshot } from '../control/apply-health.ts';
import type { ObjectChange, ObjectKind, Revision } from '../control/change.ts';
import type { ReplicatedRevision } from '../control/replication.ts';

/** One stored object. Its ETag is `"r<revision>"` with the revision that last changed it. */
export interface StoredObject {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly body: string;
  readonly revision: number;
}

/** Objects that stand together as the change block that made them. */
export interface StoredBlock {
  readonly revision: number;
  /** A line of JSON for each (chain.ts). */
  readonly lines: string;
  /** What counts in the place of some of them, by line from 0: an object, or null for none. */
  readonly replaced: ReadonlyMap<number, StoredObject | null>;
}

/** Objects that are not there yet, at most `blockChanges` of them (chain.ts), as changes. */
export interface NewObjects {
  /** A line of JSON for each, in ASCII. Good until the next of these is asked for. */
  readonly lines: Uint8Array;
  readonly count: number;
  /** `objectHash` of each. */
  readonly hashes: Int32Array;
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
  /** Chain hash of the newest revision, hex; 64 zeros in an empty store. */
  digest(): string;
  /** The term under which what is here was confirmed; 0 outside of a cluster. Never goes back. */
  term(): number;
  /** The highest term heard of, at least `term()`. Never goes back. */
  knownTerm(): number;
  /** Raises `term()` to this one, when it is greater; on disk when it returns. */
  confirmTerm(term: number): void;
  /** Raises `knownTerm()` to this one, when it is greater; on disk when it returns. */
  knowTerm(term: number): void;
  objects(): Iterable<StoredObject>;
  /** The same objects, those together that stand so. */
  content(): Iterable<StoredObject | StoredBlock>;
  object(kind: ObjectKind, id: string): StoredObject | undefined;
  /** Appends one revision; `expected` must still be the latest (compare-and-set), else it throws. */
  commit(
    expected: number,
    entry: {
      readonly at: string;
      readonly actor: string;
      readonly summary: string;
      readonly changes: readonly ObjectChange[];
      /** Further changes, behind the others: many objects at once, of which none is there. */
      readonly newObjects?: Iterable<NewObjects>;
      readonly idempotencyKey?: string;
      readonly response?: string;
      /** In a cluster: the fencing term. Only a revision that has one can be undone. */
      readonly term?: number;
    },
  ): Revision;
  /**
   * Takes the newest revision back, which nobody was told of: objects, their order and their
   * revisions, and the remembered answers are as before it. On disk when it returns. Throws (a bug)
   * when `number` is not the newest, or was not the last commit with a term.
   */
  undo(number: number): void;
  revision(number: number): Revision | undefined;
  /** A revision with all that a cluster passes on; undefined when it (or the one before) is unknown. */
  replicated(number: number): ReplicatedRevision | undefined;
  /**
   * About how many characters a revision's changes hold, 64 for each beside its bodies; counted up to
   * `most` and a little more.
   */
  changeChars(number: number, most: number): number;
  /** Newest first, below `before`. */
  revisions(before: number, limit: number): readonly Revision[];
  /** Answer of an earlier request with this key, while it is remembered (a day). */
  remembered(idempotencyKey: string): string | undefined;
  tokens(): readonly StoredToken[];
  putToken(token: StoredToken): void;
  deleteToken(id: string): boolean;
  /** What was down when it was last saved; undefined when nothing was, or in an older form. */
  loadHealth(): HealthSnapshot | undefined;
  /** Does not wait for the disk: a power cut may leave the one before. */
  saveHealth(health: HealthSnapshot): void;
  /** Opens a view of this moment, which later changes do not alter; to be closed. */
  view(): StoreView;
  /** Begins to gather what shall replace everything; one at a time, an earlier one is abandoned. */
  replacement(): Replacement;
  /**
   * Checks the hash chain from the first revision that is here on; returns the first bad number, or
   * undefined.
   */
  verify(): number | undefined;
  close(): void;
}

/** The content of a store at one moment. */
export interface StoreView {
  readonly latest: number;
  readonly digest: string;
  readonly term: number;
  /** In the order in which they were first written; may be read slowly, between other work. */
  objects(): Iterable<StoredObject>;
  /** Answers to requests that are still remembered. */
  answers(): Iterable<StoredAnswer>;
  close(): void;
}

/** The answer to a request with an idempotency key. */
export interface StoredAnswer {
  readonly key: string;
  readonly response: string;
  /** When it was given. */
  readonly epochMs: number;
}

/** What a store shall hold after a replacement, besides objects and answers. */
export interface ReplacementHead {
  readonly term: number;
  readonly latest: number;
  readonly digest: string;
  /** The newest revisions, oldest first, without a gap up to `latest`; may be empty. */
  readonly history: readonly ReplicatedRevision[];
}

/**
 * New content for a store. It is gathered beside the old, in as many steps as there are, and put in
 * the place of the old in one.
 */
export interface Replacement {
  addObjects(objects: readonly StoredObject[]): void;
  addAnswers(answers: readonly StoredAnswer[]): void;
  /**
   * Puts it in place, all or nothing, on disk when it returns. Revisions that are here already and
   * that `history` continues stay; others go. Throws `E_STORE_WRITE`.
   */
  finish(head: ReplacementHead): void;
  /** Drops what was gathered; nothing has happened. Harmless after `finish`. */
  abandon(): void;
}
