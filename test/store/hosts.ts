import type { ObjectChange } from '../../src/control/change.ts';
import { changeBlocks } from '../../src/store/chain.ts';
import { objectHash } from '../../src/store/object-hash.ts';
import type { NewObjects } from '../../src/store/store.ts';

/** One host's address, with a body. */
export const host = (number: number, after: string | null): ObjectChange => ({
  ...{ kind: 'rrset', id: `h.test./h${number}.h.test./A`, before: null, after },
});

/** So many hosts from a number on, as the new objects of a commit. */
export function hosts(from: number, count: number): { newObjects: NewObjects[] } {
  const newObjects: NewObjects[] = [];
  for (let first = from; first < from + count; first += 500) {
    const numbers = Array.from(
      { length: Math.min(500, from + count - first) },
      (_, index) => first + index,
    );
    const changes = numbers.map((number) => host(number, '{"n":0}'));
    const [lines = ''] = changeBlocks(changes);
    const hashes = Int32Array.from(changes, ({ kind, id }) => objectHash(kind, id));
    newObjects.push({ lines: Buffer.from(lines), count: numbers.length, hashes });
  }
  return { newObjects };
}
