import { MemoryStore } from '../../../src/store/memory-store.ts';
import type {
  Replacement,
  ReplacementHead,
  Store,
  StoredAnswer,
  StoredObject,
} from '../../../src/store/store.ts';

/** One call that changed the store, as the journal has it. */
interface Entry {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** Methods of `Store` that change nothing; every other call is written to the journal. */
const reading = new Set<string>([
  'latest',
  'digest',
  'term',
  'knownTerm',
  'objects',
  'content',
  'object',
  'revision',
  'replicated',
  'revisions',
  'remembered',
  'tokens',
  'loadHealth',
  'view',
  'verify',
  'close',
]);

/**
 * A disk that outlives processes. What was written but not synced is lost when the power fails, from
 * a place that chance picks: what lies before it happened to be written out, what follows is gone.
 *
 *   journal  [ commit 1 │ commit 2 │ undo 2 │ saveHealth │ commit 2 ]
 *                                            ▲ synced               ▲ written
 */
export class SimDisk {
  readonly #journal: Entry[] = [];
  #synced = 0;

  write(entry: Entry): void {
    this.#journal.push(entry);
  }

  sync(): void {
    this.#synced = this.#journal.length;
  }

  /** Power fails: some of what was not synced is gone. `fraction` is 0 to 1. */
  lose(fraction: number): void {
    const kept = Math.floor((this.#journal.length - this.#synced + 1) * fraction);
    this.#journal.length = Math.min(this.#journal.length, this.#synced + kept);
    this.sync();
  }

  entries(): readonly Entry[] {
    return this.#journal;
  }
}

/** What may go wrong while a store writes. */
export interface StoreFaults {
  /**
   * Asked before each write: `none`, `full` (nothing is written and it throws), or that the process
   * dies with the write torn (it never happened) or whole (it happened, and nobody was told).
   */
  next(method: string): 'none' | 'full' | 'torn' | 'whole';
  /** The process is gone: called for `torn` and `whole` before the call throws. */
  die(): void;
}

/**
 * Opens the store that a disk holds: the in-memory store, rebuilt from the journal. Each call that
 * changes it is written and synced before it returns, as node:sqlite does it (WAL, synchronous=FULL).
 * `now` gives milliseconds since 1970.
 */
export function openSimStore(
  disk: SimDisk,
  now: () => number,
  faults?: StoreFaults,
  sync: () => void = () => disk.sync(),
): Store {
  const store = new MemoryStore(now);
  for (const { method, args } of disk.entries()) call(store, method, structuredClone(args));
  /** Does a step, writes it down and syncs; or fails in one of the ways that disks do. */
  const durably = <T>(entry: Entry, step: () => T): T => {
    const fault = faults?.next(entry.method) ?? 'none';
    if (fault === 'full') throw new Error('no space left on device');
    if (fault === 'torn') {
      faults?.die();
      throw new Error('the power failed before the write');
    }
    const result = step();
    disk.write(structuredClone(entry));
    sync();
    if (fault !== 'whole') return result;
    faults?.die();
    throw new Error('the power failed after the write');
  };
  return new Proxy(store as Store, {
    get(_, property) {
      const method = String(property);
      const value = Reflect.get(store, method) as unknown;
      if (typeof value !== 'function') return value;
      if (reading.has(method)) return value.bind(store);
      if (method === 'replacement') return () => durableReplacement(store, durably);
      return (...args: unknown[]) => durably({ method, args }, () => value.apply(store, args));
    },
  });
}

/** Calls a method of the store by its name, or finishes a whole replacement (`replace`). */
function call(store: MemoryStore, method: string, args: readonly unknown[]): void {
  if (method === replace) {
    const [objects, answers, head] = args as Parameters<typeof replaceAll>[1];
    replaceAll(store, [objects, answers, head]);
    return;
  }
  const value = Reflect.get(store, method) as (...args: readonly unknown[]) => unknown;
  value.apply(store, [...args]);
}

/** The journal's word for a replacement, which is one write whatever number of calls gathered it. */
const replace = 'replacement.finish';

type Content = readonly [readonly StoredObject[], readonly StoredAnswer[], ReplacementHead];

function replaceAll(store: MemoryStore, [objects, answers, head]: Content): void {
  const replacement = store.replacement();
  replacement.addObjects(objects);
  replacement.addAnswers(answers);
  replacement.finish(head);
}

function durableReplacement(
  store: MemoryStore,
  durably: <T>(entry: Entry, step: () => T) => T,
): Replacement {
  const inner = store.replacement();
  const objects: StoredObject[] = [];
  const answers: StoredAnswer[] = [];
  return {
    addObjects(more) {
      objects.push(...more);
      inner.addObjects(more);
    },
    addAnswers(more) {
      answers.push(...more);
      inner.addAnswers(more);
    },
    finish(head) {
      const content: Content = [objects, answers, head];
      durably({ method: replace, args: content }, () => inner.finish(head));
    },
    abandon: () => inner.abandon(),
  };
}
