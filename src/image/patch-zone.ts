import { finishSteps } from '../base/steps.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { changedNames } from '../zone/changed-names.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import { followLinks, typesWithAdditional } from '../zone/zone-links.ts';
import { node as nodeLayout, referralWithDs, zoneHeader } from './layout.ts';
import { findMovedNames, type MovedNames, ZoneNames } from './moved-names.ts';
import { NextTable } from './name-table.ts';
import type { SegmentWriter } from './segment-writer.ts';
import { answerContent, answeredTypes, negativeContent } from './zone-answers.ts';
import { lookupNameOfWire } from './zone-index.ts';
import { hashWire } from './zone-name.ts';
import type { NameDraft } from './zone-names.ts';
import {
  allocateNodes,
  type CompileZoneOptions,
  fillDirectory,
  fillNode,
  steering,
} from './zone-segment.ts';
import { TemplateCompiler } from './zone-template.ts';
import { findNode, findTemplate, viewZone, type ZoneView } from './zone-view.ts';

/*
 * The versions of a large zone, one behind the other in the same memory:
 *
 *   ┌ header, table, nodes, templates ┬ nodes, templates, pages, header ┬ … ┬ room ┐
 *   └ as it was compiled as a whole   └ what version 2 has anew          └   └ zeros┘
 *
 * A version is what its header leads to. It writes behind all that was written before, whoever wrote
 * that and whether it was ever served, so that none can change what another reads. What later versions
 * have no use for stays as waste until the zone is folded (fold-zone.ts).
 */

/** A large zone, compiled: one version of it. */
export interface LargeZone {
  readonly zone: Zone;
  /** What all versions are written into. */
  readonly body: SegmentWriter;
  /** The word where this version's header stands. */
  readonly root: number;
  /** Words in use when it was last compiled as a whole or folded. */
  readonly wholeWords: number;
}

/** Waste from which on a zone is folded: one part in so many. */
const wasteShare = 4;

/** Less waste than this is not worth it, words. */
const minWasteWords = 1024 * 1024;

/** True when folding a zone would free memory that is worth it. */
export function isWasteful({ body, wholeWords }: Omit<LargeZone, 'zone'>): boolean {
  return body.length - wholeWords > Math.max(minWasteWords, wholeWords / wasteShare);
}

/** Names anew beyond which compiling the whole zone is as good: so many, or one part in so many. */
const mostNames = 1000;
const namesShare = 16;

/**
 * The next version of a compiled zone, at the cost of what changed and of what depends on that.
 * Undefined when that is too much of the zone. Throws as `compileZone` does.
 */
export function patchZone(
  before: LargeZone,
  after: Zone,
  options: CompileZoneOptions,
): LargeZone | undefined {
  const { body, root, zone } = before;
  const view = viewZone(body.words, body.bytes, root);
  const most = Math.max(mostNames, Math.floor(view.nameCount / namesShare));
  const changed = changedNames(zone, after, most);
  if (changed === undefined) return undefined;
  const { links } = followLinks(zone, after, changed);
  const oldNames = new ZoneNames(zone, links);
  const names = new ZoneNames(after, links);
  // In a signed zone every cut answers otherwise.
  if (isSigned(oldNames) !== isSigned(names)) return undefined;
  const moved = findMovedNames(oldNames, names, changed, links, most);
  if (moved === undefined) return undefined;
  const patch = new ZonePatch(before, names, oldNames, moved, options);
  return { ...before, zone: after, root: patch.write() };
}

function isSigned(names: ZoneNames): boolean {
  return names.zone.nodes.get(names.zone.origin)?.has(rrTypes.DNSKEY) === true;
}

class ZonePatch {
  readonly #segment: SegmentWriter;
  readonly #root: number;
  readonly #names: ZoneNames;
  readonly #oldNames: ZoneNames;
  readonly #moved: MovedNames;
  readonly #options: CompileZoneOptions;
  readonly #templates: TemplateCompiler;

  constructor(
    { body, root }: LargeZone,
    names: ZoneNames,
    oldNames: ZoneNames,
    moved: MovedNames,
    options: CompileZoneOptions,
  ) {
    this.#segment = body;
    this.#root = root;
    this.#names = names;
    this.#oldNames = oldNames;
    this.#moved = moved;
    this.#options = options;
    this.#templates = new TemplateCompiler(body);
  }

  /** Writes what has moved; returns where the new header stands. */
  write(): number {
    const drafts = new Map<NameKey, NameDraft | undefined>();
    let additions = 0;
    for (const key of this.#moved.names) {
      const draft = this.#names.get(key);
      drafts.set(key, draft);
      if (draft !== undefined && this.#oldNames.get(key) === undefined) additions += 1;
    }
    const written = [...drafts.values()].filter((draft) => draft !== undefined);
    finishSteps(allocateNodes(this.#segment, written, isSigned(this.#names)));
    const table = new NextTable(this.#segment, this.#root, additions);
    let maxLabels = this.#view().maxLabels;
    for (const [key, draft] of drafts) {
      const old = this.#oldNode(this.#oldNames.get(key));
      if (draft === undefined) {
        table.remove(this.#segment.words[old + nodeLayout.hash]!, old);
        continue;
      }
      const hash = hashWire(draft.wire);
      this.#writeNode(key, draft, hash, old);
      if (old === 0) table.put(hash, draft.node);
      else table.move(hash, old, draft.node);
      maxLabels = Math.max(maxLabels, draft.labels);
    }
    this.#segment.words[table.root + zoneHeader.maxLabels] = maxLabels;
    const apex = drafts.get(this.#names.zone.origin);
    if (apex !== undefined) this.#writeApex(apex, table.root);
    return table.root;
  }

  #writeNode(key: NameKey, draft: NameDraft, hash: number, old: number): void {
    // Its links lead to where those names now are.
    if (draft.cover !== undefined) this.#place(draft.cover);
    const wildcard = this.#names.wildcardOf(key);
    if (wildcard !== undefined) this.#place(wildcard);
    const steer = steering(draft.rrsets.get(STEER), this.#options);
    fillNode(this.#segment, draft, hash, steer);
    const types = answeredTypes(draft, isSigned(this.#names));
    fillDirectory(this.#segment, draft, types, (type) => {
      const kept = this.#isAsBefore(key, draft, type) ? findTemplate(this.#view(), old, type) : 0;
      return kept || this.#templates.compile(answerContent(this.#names, draft, type));
    });
  }

  /** Whether the answer to a type is what it was before. */
  #isAsBefore(key: NameKey, draft: NameDraft, type: number): boolean {
    const old = this.#oldNames.get(key);
    if (old === undefined || old.isCut !== draft.isCut) return false;
    const isReferral = type === referralWithDs;
    if ((isReferral || typesWithAdditional.has(type)) && this.#moved.pointing.has(key))
      return false;
    const isSame = (one: number) => old.rrsets.get(one) === draft.rrsets.get(one);
    return isReferral ? isSame(rrTypes.NS) && isSame(rrTypes.DS) : isSame(type);
  }

  /** Says where the node of a name stands that is not written anew. */
  #place(draft: NameDraft): void {
    if (draft.node === 0) draft.node = this.#oldNode(draft);
  }

  /** The node of a name in the version before; 0 for none. */
  #oldNode(draft: NameDraft | undefined): number {
    return draft === undefined ? 0 : findNode(this.#view(), lookupNameOfWire(draft.wire), 0);
  }

  #writeApex(apex: NameDraft, root: number): void {
    const soa = apex.rrsets.get(rrTypes.SOA);
    if (soa === undefined) throw new Error('a zone without an SOA passed its checks');
    const negativeTemplate = this.#templates.compile(negativeContent(apex, soa));
    this.#segment.words[root + zoneHeader.apexNode] = apex.node;
    this.#segment.words[root + zoneHeader.negativeTemplate] = negativeTemplate;
  }

  /** The version before; valid until more is allocated. */
  #view(): ZoneView {
    return viewZone(this.#segment.words, this.#segment.bytes, this.#root);
  }
}
