import { parentKey } from '../wire/names.ts';
import type { NameKey } from './zone.ts';

/**
 * Names by what they are below. Names are only ever added: whoever asks looks up what it finds in the
 * version of the zone that it is about.
 */
export class NameTree {
  readonly #top: NameKey;
  readonly #withTop: boolean;
  /** Names directly below a name; a single one is no list: most have no more. */
  readonly #children = new Map<NameKey, NameKey | NameKey[]>();

  /** `top`: above it nothing is kept. Without `withTop` nor is what is directly below it. */
  constructor(top: NameKey, withTop: boolean) {
    this.#top = top;
    this.#withTop = withTop;
  }

  /** Adds a name below `top`, and those between the two. */
  add(key: NameKey): void {
    for (let name = key; name !== this.#top; ) {
      const parent = parentKey(name) ?? '.';
      if (parent === this.#top && !this.#withTop) return;
      const isKnown = this.#children.has(parent);
      addToList(this.#children, parent, name);
      if (isKnown) return;
      name = parent;
    }
  }

  /** Whether the test holds for any name below this one, at whatever depth; each is tried once. */
  someBelow(key: NameKey, test: (name: NameKey) => boolean): boolean {
    const seen = new Set<NameKey>();
    const waiting = [key];
    for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
      for (const child of listOf(this.#children, name)) {
        if (seen.has(child)) continue;
        if (test(child)) return true;
        seen.add(child);
        waiting.push(child);
      }
    }
    return false;
  }
}

/** A table of short lists; lists of one are not made. */
export type Lists = Map<NameKey, NameKey | NameKey[]>;

/** How far back a list is looked through for what is added: it need not be free of doubles. */
const lookBack = 8;

/** Adds to the list of a key, unless it was among the last that were added. */
export function addToList(lists: Lists, key: NameKey, name: NameKey): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, name);
  else if (typeof list !== 'string') {
    if (list.indexOf(name, Math.max(0, list.length - lookBack)) < 0) list.push(name);
  } else if (list !== name) lists.set(key, [list, name]);
}

/** The list of a key. */
export function listOf(lists: Lists, key: NameKey): readonly NameKey[] {
  const list = lists.get(key);
  return list === undefined ? [] : typeof list === 'string' ? [list] : list;
}
