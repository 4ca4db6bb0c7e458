import { limits } from '../base/limits.ts';
import type { Steps } from '../base/steps.ts';
import { parentKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { PlainNames } from './plain-names.ts';
import { nameBytesOf } from './zone-index.ts';

/** A name that exists in a zone, empty non-terminals included, while the zone is being compiled. */
export interface NameDraft {
  /** Lower-case wire name. */
  readonly wire: Uint8Array;
  /** Labels, the root not counted. */
  readonly labels: number;
  readonly rrsets: ReadonlyMap<number, RRset>;
  readonly isCut: boolean;
  /** The topmost zone cut at or above, or DNAME owner above. */
  cover: NameDraft | undefined;
  /** `*.<name>`, where it exists. */
  wildcard: NameDraft | undefined;
  /** Offset of its node in words, once that is known. */
  node: number;
}

/** What an empty non-terminal owns. */
export const noRrsets: ReadonlyMap<number, RRset> = new Map();

/** Names that are drafted in one step. */
const stepNames = 500;

/** Where the drafts of names are found. */
export type DraftedNames = Pick<ReadonlyMap<NameKey, NameDraft>, 'get'>;

/**
 * Lists every name of a zone with what covers it; parents come before their children. Names that own
 * no records but have some below them (RFC 4592 §2.2.2) are made up here. Plain ones are left out.
 */
export function* draftNames(zone: Zone, plain?: PlainNames): Steps<Map<NameKey, NameDraft>> {
  const drafts = new Map<NameKey, NameDraft>();
  // Siblings mostly follow each other: comparing two names is cheaper than looking one up.
  let lastKey: NameKey = zone.origin;
  let last: NameDraft | undefined;
  const draft = (key: NameKey, rrsets: ReadonlyMap<number, RRset>): NameDraft => {
    const known = drafts.get(key);
    if (known !== undefined) return known;
    let made: NameDraft;
    if (key === zone.origin) {
      made = draftName(key, key, rrsets, undefined);
    } else {
      const above = parentOf(key);
      const parent =
        above === lastKey && last !== undefined
          ? last
          : draft(above, zone.nodes.get(above) ?? noRrsets);
      lastKey = above;
      last = parent;
      made = draftName(key, above, rrsets, parent);
    }
    drafts.set(key, made);
    return made;
  };
  draft(zone.origin, zone.nodes.get(zone.origin) ?? noRrsets);
  let names = 0;
  for (const [key, rrsets] of plain?.others() ?? zone.nodes) {
    draft(key, rrsets);
    names += 1;
    if (names % stepNames === 0) yield;
  }
  plain?.leaveOut(drafts.keys());
  return drafts;
}

const backslash = 0x5c;

/** The wire name of a key: its first label before its parent's, where there is nothing to unescape. */
function wireOf(key: NameKey, above: NameKey, parentWire: Uint8Array): Uint8Array {
  const labelChars = key.length - above.length - (above === '.' ? 0 : 1);
  const nameBytes = 1 + labelChars + parentWire.length;
  if (labelChars > limits.labelBytes || nameBytes > limits.nameBytes) return nameBytesOf(key);
  const wire = new Uint8Array(nameBytes);
  wire[0] = labelChars;
  for (let at = 0; at < labelChars; at += 1) {
    const character = key.charCodeAt(at);
    if (character === backslash || character > 0x7e) return nameBytesOf(key);
    wire[1 + at] = character;
  }
  wire.set(parentWire, 1 + labelChars);
  return wire;
}

/** True for `*` as the first label. */
export function isWildcard(wire: Uint8Array): boolean {
  return wire[0] === 1 && wire[1] === 0x2a;
}

/** Drafts a name below one that is drafted, or the apex, which has no `parent`. */
export function draftName(
  key: NameKey,
  above: NameKey,
  rrsets: ReadonlyMap<number, RRset>,
  parent: NameDraft | undefined,
): NameDraft {
  const wire = parent === undefined ? nameBytesOf(key) : wireOf(key, above, parent.wire);
  const wild = isWildcard(wire);
  // A delegation cannot be synthesized (RFC 4592 §4.2): NS at a wildcard is data like any other.
  const isCut = parent !== undefined && rrsets.has(rrTypes.NS) && !wild;
  const cover = parent?.cover ?? (parent?.rrsets.has(rrTypes.DNAME) ? parent : undefined);
  const made: NameDraft = {
    wire,
    labels: (parent?.labels ?? labelCount(wire) - 1) + 1,
    rrsets,
    isCut,
    cover,
    wildcard: undefined,
    node: 0,
  };
  if (isCut) made.cover ??= made;
  if (wild && parent !== undefined) parent.wildcard = made;
  return made;
}

/** The name above one that is below its zone's apex. */
export function parentOf(key: NameKey): NameKey {
  const parent = parentKey(key);
  if (parent === undefined) throw new Error(`"${key}" lies outside its zone`);
  return parent;
}

function labelCount(wire: Uint8Array): number {
  let labels = 0;
  for (let at = 0; wire[at] !== 0; at += 1 + wire[at]!) labels += 1;
  return labels;
}
