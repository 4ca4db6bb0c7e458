import { isAtOrBelow } from '../wire/names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import { typesWithAdditional, type ZoneLinks } from '../zone/zone-links.ts';
import {
  type DraftedNames,
  draftName,
  isWildcard,
  type NameDraft,
  noRrsets,
  parentOf,
} from './zone-names.ts';

/** The names of one version of a zone, each drafted when it is asked for. */
export class ZoneNames implements DraftedNames {
  readonly zone: Zone;
  readonly #links: ZoneLinks;
  readonly #drafts = new Map<NameKey, NameDraft | undefined>();

  constructor(zone: Zone, links: ZoneLinks) {
    this.zone = zone;
    this.#links = links;
  }

  /** The draft of a name; undefined where the zone has no such name, not even as a non-terminal. */
  get(key: NameKey): NameDraft | undefined {
    const known = this.#drafts.get(key);
    if (known !== undefined || this.#drafts.has(key)) return known;
    const made = this.#draft(key);
    this.#drafts.set(key, made);
    return made;
  }

  /** `*.<name>`, which a draft knows of only once it was asked for. */
  wildcardOf(key: NameKey): NameDraft | undefined {
    return this.get(key === '.' ? '*.' : `*.${key}`);
  }

  #draft(key: NameKey): NameDraft | undefined {
    const { zone } = this;
    const rrsets = zone.nodes.get(key);
    if (key === zone.origin) return draftName(key, key, rrsets ?? noRrsets, undefined);
    if (!isAtOrBelow(key, zone.origin)) return undefined;
    const isThere =
      rrsets !== undefined || this.#links.names.someBelow(key, (name) => zone.nodes.has(name));
    if (!isThere) return undefined;
    const above = parentOf(key);
    return draftName(key, above, rrsets ?? noRrsets, this.get(above));
  }
}

/** What of a compiled zone is not as before. */
export interface MovedNames {
  /** Names whose nodes are to be written anew, and those that are gone. */
  readonly names: ReadonlySet<NameKey>;
  /** Those of which answers hold addresses of other names that have moved. */
  readonly pointing: ReadonlySet<NameKey>;
}

/**
 * Finds what has to be written anew where these names have changed between two versions. Undefined when
 * they are more than `most`, or all.
 */
export function findMovedNames(
  before: ZoneNames,
  after: ZoneNames,
  changed: Iterable<NameKey>,
  links: ZoneLinks,
  most: number,
): MovedNames | undefined {
  const { origin } = after.zone;
  const names = new Set<NameKey>(changed);
  const pointing = new Set<NameKey>();
  // A set is walked through in the order of its additions, those made meanwhile included.
  for (const key of names) {
    const old = before.get(key);
    const now = after.get(key);
    if (old === undefined && now === undefined) {
      names.delete(key);
      continue;
    }
    if (key !== origin && (isWildcard((now ?? old)!.wire) || isParentMoved(before, after, key))) {
      names.add(parentOf(key));
    }
    if (isCover(old) || isCover(now)) {
      if (key === origin) return undefined;
      const isTooMuch = links.names.someBelow(key, (name) => names.add(name).size > most);
      if (isTooMuch) return undefined;
    }
    if (haveAddressesMoved(old, now)) {
      for (const owner of links.hostedAt(key)) {
        if (!hasAdditional(after.get(owner))) continue;
        pointing.add(owner);
        if (names.add(owner).size > most) return undefined;
      }
    }
    if (names.size > most) return undefined;
  }
  return { names, pointing };
}

/** Whether a name's coming or going brings an empty non-terminal above it, or takes one away. */
function isParentMoved(before: ZoneNames, after: ZoneNames, key: NameKey): boolean {
  if ((before.get(key) === undefined) === (after.get(key) === undefined)) return false;
  const parent = parentOf(key);
  return (before.get(parent) === undefined) !== (after.get(parent) === undefined);
}

/** Nodes below a cut or a DNAME lead to its node. */
function isCover(draft: NameDraft | undefined): boolean {
  return draft !== undefined && (draft.isCut || draft.rrsets.has(rrTypes.DNAME));
}

/** Whether what others say of a name's addresses may be otherwise. */
function haveAddressesMoved(old: NameDraft | undefined, now: NameDraft | undefined): boolean {
  const types = [rrTypes.A, rrTypes.AAAA, STEER];
  if (types.some((type) => old?.rrsets.get(type) !== now?.rrsets.get(type))) return true;
  return types.some((type) => now?.rrsets.has(type)) && !isSameCover(old?.cover, now?.cover);
}

function isSameCover(one: NameDraft | undefined, other: NameDraft | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return one.isCut === other.isCut && Buffer.compare(one.wire, other.wire) === 0;
}

function hasAdditional(draft: NameDraft | undefined): boolean {
  for (const type of draft?.rrsets.keys() ?? []) if (typesWithAdditional.has(type)) return true;
  return false;
}
