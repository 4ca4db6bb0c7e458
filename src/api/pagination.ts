import { MeridianError } from '../base/errors.ts';

/** One page of a list; `next` is the cursor of the page that follows, null on the last one. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next: string | null;
}

/** How many items a page has when the client does not say, and at most. */
export const pageSizes = { default: 100, max: 1000 } as const;

const cursorMark = 'm1:';

/** Packs where a page ended; opaque to clients, URL-safe. */
export function encodeCursor(position: string): string {
  return Buffer.from(cursorMark + position, 'utf8').toString('base64url');
}

/** Unpacks a cursor; throws `E_CURSOR` for one that no answer of ours can have held. */
export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const position = text.slice(cursorMark.length);
  if (!text.startsWith(cursorMark) || encodeCursor(position) !== cursor) {
    throw badCursor(cursor);
  }
  return position;
}

/** Unpacks a cursor that holds a positive integer; throws `E_CURSOR`. */
export function decodeNumberCursor(cursor: string): number {
  const position = decodeCursor(cursor);
  if (!/^[1-9]\d{0,14}$/.test(position)) throw badCursor(cursor);
  return Number(position);
}

/** What a list's query says of the page. */
export interface PageQuery {
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/**
 * The page of a sorted list that follows the cursor. Keys are unique and ascending by code unit;
 * a page starts at the first key above the cursor's, so that items which come or go between two
 * requests neither repeat nor hide others.
 */
export function pageOfSorted<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  query: PageQuery,
): Page<Item> {
  const limit = query.limit ?? pageSizes.default;
  const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor);
  const start = after === undefined ? 0 : firstAbove(items, keyOf, after);
  const page = items.slice(start, start + limit);
  const last = page.at(-1);
  const more = start + page.length < items.length && last !== undefined;
  return { items: page, next: more ? encodeCursor(keyOf(last)) : null };
}

/** A page of a list that is its own keys. */
export function pageOfKeys(keys: readonly string[], query: PageQuery): Page<string> {
  return pageOfSorted(keys, (key) => key, query);
}

/**
 * A page of a list that runs from new to old by number; `read` gives at most so many items below a
 * number.
 */
export function pageOfNumbered<Item>(
  read: (before: number, limit: number) => readonly Item[],
  numberOf: (item: Item) => number,
  query: PageQuery,
): Page<Item> {
  const limit = query.limit ?? pageSizes.default;
  const before =
    query.cursor === undefined ? Number.MAX_SAFE_INTEGER : decodeNumberCursor(query.cursor);
  const items = read(before, limit);
  const last = items.at(-1);
  const more = last !== undefined && items.length === limit && read(numberOf(last), 1).length > 0;
  return { items, next: more ? encodeCursor(String(numberOf(last))) : null };
}

/** Index of the first item with a greater key; the list's length when there is none. */
function firstAbove<Item>(
  items: readonly Item[],
  keyOf: (item: Item) => string,
  key: string,
): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const item = items[middle];
    if (item !== undefined && keyOf(item) <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function badCursor(cursor: string): MeridianError {
  return new MeridianError({
    code: 'E_CURSOR',
    message: `cursor ${JSON.stringify(cursor.slice(0, 80))} is not one of ours; pass on the "next" of an earlier answer, or leave it out to start again`,
    where: '?cursor',
  });
}
