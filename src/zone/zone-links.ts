import { finishSteps, type Steps } from '../base/steps.ts';
import { isAtOrBelow, wireNameKey } from '../wire/names.ts';
import { rdataNames } from '../wire/rdata/registry.ts';
import { rrTypes } from '../wire/types.ts';
import { recordCount } from './edit-zone.ts';
import { addToList, type Lists, listOf, NameTree } from './name-tree.ts';
import type { NameKey, RRset, Zone } from './zone.ts';
import { namesDeepOrOwning } from './zone-walk.ts';

/** Types whose targets' addresses go along when they fit (RFC 1035 §3.3, RFC 2782, RFC 9460 §4.1). */
export const typesWithAdditional: ReadonlySet<number> = new Set([
  rrTypes.NS,
  rrTypes.MX,
  rrTypes.SRV,
  rrTypes.SVCB,
  rrTypes.HTTPS,
]);

/**
 * What the names of a zone have to do with each other, so that an edit can tell whom it concerns:
 *
 *   mail.  ◀── example.        MX 10 mail.     who points at a name
 *   sub.   ──▶ ns.sub.                         which names are below it
 *
 * Shared by the versions of a zone and only ever added to: what it says may have been so in another
 * version, or in one that was refused; whoever asks looks at the version that it is about.
 */
export class ZoneLinks {
  /** Names that own records, from two labels below the apex on: what is below the apex is all. */
  readonly names: NameTree;
  /** Names at or below the apex that records point at. */
  readonly targets: NameTree;
  readonly #origin: NameKey;
  /** Owners by target: of types whose answers hold the target's addresses, and of CNAMEs. */
  readonly #hosts: Lists = new Map();
  readonly #aliases: Lists = new Map();

  constructor(origin: NameKey) {
    this.#origin = origin;
    this.names = new NameTree(origin, false);
    this.targets = new NameTree(origin, true);
  }

  /** Owners of records of `typesWithAdditional` that point at a name. */
  hostedAt(target: NameKey): readonly NameKey[] {
    return listOf(this.#hosts, target);
  }

  /** Owners of CNAMEs that point at a name. */
  aliasesOf(target: NameKey): readonly NameKey[] {
    return listOf(this.#aliases, target);
  }

  /** Takes in a name, and where its records point that are not the same as before. */
  add(
    key: NameKey,
    rrsets: ReadonlyMap<number, RRset>,
    before?: ReadonlyMap<number, RRset> | undefined,
  ): void {
    // A name outside the zone is an error, which others find.
    if (!isAtOrBelow(key, this.#origin)) return;
    if (before === undefined && key !== this.#origin) this.names.add(key);
    for (const rrset of rrsets.values()) {
      const { type } = rrset;
      const isAlias = type === rrTypes.CNAME;
      if ((!isAlias && !typesWithAdditional.has(type)) || before?.get(type) === rrset) continue;
      for (const rdata of rrset.rdatas) {
        for (const { at } of rdataNames(type, rdata)) {
          const target = wireNameKey(rdata, at);
          if (!isAtOrBelow(target, this.#origin)) continue;
          addToList(isAlias ? this.#aliases : this.#hosts, target, key);
          this.targets.add(target);
        }
      }
    }
  }
}

/** What is known of a version of a zone. */
export interface LinkedZone {
  readonly links: ZoneLinks;
  /** Records in it, a STEER counting as one. */
  readonly records: number;
}

const linked = new WeakMap<Zone, LinkedZone>();

/** Types whose records say where their name points. */
const linkedTypes: ReadonlySet<number> = new Set([...typesWithAdditional, rrTypes.CNAME]);

/** Names that are looked at in one step. */
const stepNames = 500;

/** The links of a zone, found in steps where they are not known yet. */
export function* findLinks(zone: Zone): Steps<LinkedZone> {
  const known = linked.get(zone);
  if (known !== undefined) return known;
  const links = new ZoneLinks(zone.origin);
  let names = 0;
  for (const [key, rrsets] of namesDeepOrOwning(zone.nodes, linkedTypes)) {
    links.add(key, rrsets);
    names += 1;
    if (names % stepNames === 0) yield;
  }
  const found = { links, records: recordCount(zone) };
  linked.set(zone, found);
  return found;
}

/** The links of a zone as far as they are known. */
export function knownLinks(zone: Zone): LinkedZone | undefined {
  return linked.get(zone);
}

/** The links of a zone's next version: those of the one before, with what changed. */
export function followLinks(before: Zone, after: Zone, changed: Iterable<NameKey>): LinkedZone {
  const known = linked.get(after);
  if (known !== undefined && known.links === linked.get(before)?.links) return known;
  // What is gone counts too, so that the links of the version after alone would not do.
  const old = finishSteps(findLinks(before));
  let { records } = old;
  for (const key of changed) {
    const rrsets = after.nodes.get(key);
    if (rrsets !== undefined) old.links.add(key, rrsets, before.nodes.get(key));
    records += recordsAt(after, key) - recordsAt(before, key);
  }
  const followed = { links: old.links, records };
  linked.set(after, followed);
  return followed;
}

function recordsAt(zone: Zone, key: NameKey): number {
  let records = 0;
  for (const { rdatas } of zone.nodes.get(key)?.values() ?? []) records += rdatas.length;
  return records;
}
