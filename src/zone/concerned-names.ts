import { parentKey, wireNameKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { answeringNode } from './answering-node.ts';
import { addressTypes } from './check-targets.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import type { ZoneLinks } from './zone-links.ts';

/**
 * The names of which `checkZone` may say something else where these have changed: they themselves, what
 * is below a cut or DNAME that came or went, and whose records point at what answers otherwise now.
 * Undefined when they are more than `most`, or all.
 */
export function findConcernedNames(
  before: Zone,
  after: Zone,
  changed: readonly NameKey[],
  links: ZoneLinks,
  most: number,
): ReadonlySet<NameKey> | undefined {
  const search = new Search(before, after, links, most);
  for (const key of changed) search.change(key);
  search.followAliases();
  return search.isTooMuch ? undefined : search.names;
}

type Node = ReadonlyMap<number, RRset>;

/** Names that are looked up at most before the search is given up. */
const mostLooks = 20_000;

class Search {
  readonly names = new Set<NameKey>();
  isTooMuch = false;
  readonly #before: Zone;
  readonly #after: Zone;
  readonly #links: ZoneLinks;
  readonly #most: number;
  /** Names of which another CNAME answers, or one that leads elsewhere. */
  readonly #moved = new Set<NameKey>();
  #looks = 0;

  constructor(before: Zone, after: Zone, links: ZoneLinks, most: number) {
    this.#before = before;
    this.#after = after;
    this.#links = links;
    this.#most = most;
  }

  change(key: NameKey): void {
    const old = this.#before.nodes.get(key);
    const now = this.#after.nodes.get(key);
    this.#add(key);
    const hasMoved = (type: number) => (old?.has(type) ?? false) !== (now?.has(type) ?? false);
    if (hasMoved(rrTypes.DNAME) || (key !== this.#after.origin && hasMoved(rrTypes.NS))) {
      this.#cutMoved(key);
    }
    if (old?.get(rrTypes.NS) !== now?.get(rrTypes.NS)) this.#serversMoved(key);
    const hasComeOrGone = (old === undefined) !== (now === undefined);
    if (!hasComeOrGone && !pointsOtherwise(old, now)) return;
    this.#look(key);
    // A name hides those below it from wildcards above, and a wildcard answers for what is not there.
    if (hasComeOrGone) this.#lookBelow(key);
    if (key.startsWith('*.')) this.#lookBelow(parentKey(key) ?? '.');
  }

  /** All CNAMEs that lead, by however many others, to what has moved. */
  followAliases(): void {
    // A set is walked through in the order of its additions, those made meanwhile included.
    for (const target of this.#moved) {
      for (const owner of this.#links.aliasesOf(target)) {
        this.#add(owner);
        this.#moved.add(owner);
        if (owner.startsWith('*.')) this.#addBelow(this.#moved, parentKey(owner) ?? '.');
      }
      if (this.isTooMuch) return;
    }
  }

  /** Authority for what is below a name came or went. */
  #cutMoved(key: NameKey): void {
    if (key === this.#after.origin) this.isTooMuch = true;
    const { names, targets } = this.#links;
    names.someBelow(key, (name) => !this.#add(name));
    this.#addHosted(key);
    targets.someBelow(key, (name) => !this.#addHosted(name));
  }

  /** An address may stand below a cut where an NS names it. */
  #serversMoved(key: NameKey): void {
    for (const { nodes } of [this.#before, this.#after]) {
      for (const rdata of nodes.get(key)?.get(rrTypes.NS)?.rdatas ?? []) {
        this.#add(wireNameKey(rdata));
      }
    }
  }

  #lookBelow(key: NameKey): void {
    this.#links.targets.someBelow(key, (name) => !this.#look(name));
  }

  /** Looks whether what answers for a name is otherwise, for those who point at it; false: too much. */
  #look(target: NameKey): boolean {
    this.#looks += 1;
    this.isTooMuch ||= this.#looks > mostLooks;
    if (this.isTooMuch) return false;
    const old = answeringNode(this.#before, target);
    const now = answeringNode(this.#after, target);
    if (!pointsOtherwise(old, now)) return true;
    if (old?.get(rrTypes.CNAME) !== now?.get(rrTypes.CNAME)) this.#moved.add(target);
    return this.#addHosted(target);
  }

  /** Adds those who point at a host; false when it is too much. */
  #addHosted(target: NameKey): boolean {
    for (const owner of this.#links.hostedAt(target)) if (!this.#add(owner)) return false;
    return !this.isTooMuch;
  }

  #addBelow(set: Set<NameKey>, key: NameKey): void {
    this.#links.targets.someBelow(key, (name) => {
      set.add(name);
      this.isTooMuch ||= set.size > this.#most;
      return this.isTooMuch;
    });
  }

  /** Adds a name; false when it is too much. */
  #add(key: NameKey): boolean {
    this.names.add(key);
    this.isTooMuch ||= this.names.size > this.#most;
    return !this.isTooMuch;
  }
}

/** Whether what is said of those who point at a name may be otherwise. */
function pointsOtherwise(old: Node | undefined, now: Node | undefined): boolean {
  if (old?.get(rrTypes.CNAME) !== now?.get(rrTypes.CNAME)) return true;
  return addressTypes.some((type) => (old?.has(type) ?? false) !== (now?.has(type) ?? false));
}
