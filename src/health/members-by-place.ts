import type { Check } from './fleet-state.ts';
import type { Layout } from './packed-report.ts';

type Names = readonly string[];

const nobody: Names = [];

/**
 * Names of the members whose VIP stands at each place of a layout. Tens of thousands of checks a second
 * ask for them (bench/fleet.ts); there are few different lists, which then stay in the processor's cache.
 */
export class MembersByPlace {
  readonly #find: (check: string) => Check | undefined;
  #lists = new WeakMap<Layout, readonly Names[]>();
  #layout: Layout | undefined;
  #names: readonly Names[] = [];

  constructor(find: (check: string) => Check | undefined) {
    this.#find = find;
  }

  /** To be called whenever a target is added or goes. */
  clear(): void {
    if (this.#layout === undefined) return;
    this.#lists = new WeakMap();
    this.#layout = undefined;
  }

  /** By the places of a layout. */
  of(layout: Layout): readonly Names[] {
    if (layout === this.#layout) return this.#names;
    let names = this.#lists.get(layout);
    if (names === undefined) {
      const shared = new Map<string, Names>();
      names = layout.ids.map((id) => {
        const found = [...new Set([...(this.#find(id)?.targets ?? [])].map(nameOf))];
        const key = found.join();
        const list = shared.get(key) ?? (found.length === 0 ? nobody : found);
        shared.set(key, list);
        return list;
      });
      this.#lists.set(layout, names);
    }
    this.#layout = layout;
    this.#names = names;
    return names;
  }
}

function nameOf({ vip }: { readonly vip: { readonly member: { readonly name: string } } }): string {
  return vip.member.name;
}
