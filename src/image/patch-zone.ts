import { parentKey } from '../wire/names.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { plainChanges, typesWithAdditional } from '../zone/plain-changes.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import { nodeFlags, node as nodeLayout, zoneHeader } from './layout.ts';
import { putIntoTable, SegmentWriter } from './segment-writer.ts';
import { answerContent, answeredTypes, negativeContent } from './zone-answers.ts';
import { lookupNameOf } from './zone-index.ts';
import { hashName } from './zone-name.ts';
import type { NameDraft } from './zone-names.ts';
import { type CompileZoneOptions, fillNode, steering } from './zone-segment.ts';
import { TemplateCompiler } from './zone-template.ts';
import { findNode, findTemplate, viewZone, type ZoneView } from './zone-view.ts';

/*
 * A segment with a few names made anew:
 *
 *   ┌ header │ table │ nodes │ templates ┬ template, node of a name that changed │ … ┐
 *   └ copied; the table leads to the new ┴ appended                                  ┘
 *
 * What the old nodes and templates take stays as waste until the zone is compiled as a whole. Reading
 * is as before: nothing says that a segment was patched.
 */

/** Waste beyond which a zone is compiled as a whole: one part in so many. */
const wasteShare = 8;

/** Room that a patched segment has for what changed, words; more is allocated where that is not enough. */
const roomWords = 16 * 1024;

/** A compiled zone that can be patched. */
export interface PatchableZone {
  readonly zone: Zone;
  readonly segment: SharedArrayBuffer;
  /** Words of it that are in use; room to append follows. */
  readonly usedWords: number;
  /** Words in use when it was last compiled as a whole. */
  readonly wholeWords: number;
  /** `additionalTargets` of the zone. */
  readonly targets: ReadonlySet<NameKey>;
}

/**
 * The segment of a zone's next version, made of the one before at the cost of copying it. Undefined
 * when the changes are not plain or there is too much waste: then the zone is to be compiled as a
 * whole. Throws as `compileZone` does.
 */
export function patchZone(
  before: PatchableZone,
  after: Zone,
  options: CompileZoneOptions,
): Pick<PatchableZone, 'segment' | 'usedWords'> | undefined {
  const { zone, segment, usedWords, wholeWords, targets } = before;
  if (usedWords > wholeWords + wholeWords / wasteShare) return undefined;
  const changed = plainChanges(zone, after, targets);
  if (changed === undefined) return undefined;
  const writer = SegmentWriter.after(segment, usedWords, roomWords);
  const patch = new ZonePatch(writer, zone, after, options);
  for (const key of changed) if (!patch.rebuild(key)) return undefined;
  return { segment: writer.finish(), usedWords: writer.length };
}

class ZonePatch {
  readonly #segment: SegmentWriter;
  readonly #before: Zone;
  readonly #after: Zone;
  readonly #options: CompileZoneOptions;
  readonly #templates: TemplateCompiler;

  constructor(segment: SegmentWriter, before: Zone, after: Zone, options: CompileZoneOptions) {
    this.#segment = segment;
    this.#before = before;
    this.#after = after;
    this.#options = options;
    this.#templates = new TemplateCompiler(segment);
  }

  /** Makes a name anew; false when that takes the zone as a whole. */
  rebuild(key: NameKey): boolean {
    const isApex = key === this.#after.origin;
    const name = lookupNameOf(key);
    const view = this.#view();
    const old = findNode(view, name, 0);
    const above = isApex ? old : findNode(view, lookupNameOf(parentKey(key) ?? '.'), 0);
    if (above === 0 || !isFree(view, above) || (old !== 0 && !isFree(view, old))) return false;
    if (old === 0 && !hasRoom(view)) return false;
    const draft: NameDraft = {
      wire: name.bytes.slice(0, name.nameBytes),
      labels: name.labels,
      rrsets: this.#after.nodes.get(key) ?? new Map(),
      isCut: false,
      cover: undefined,
      wildcard: undefined,
      node: 0,
    };
    const directory = this.#directory(key, draft, old);
    if (directory === undefined) return false;
    const hash = hashName(name.view, 0, name.nameBytes);
    this.#writeNode(draft, old, hash, directory);
    this.#link(draft, old, hash);
    if (isApex) this.#writeApex(draft);
    return true;
  }

  /** Types and templates of a name: those of before where nothing changed. */
  #directory(key: NameKey, draft: NameDraft, old: number): number[] | undefined {
    const before = this.#before.nodes.get(key);
    const directory: number[] = [];
    for (const type of answeredTypes(draft, false)) {
      const isSame = old !== 0 && before?.get(type) === draft.rrsets.get(type);
      let template = isSame ? findTemplate(this.#view(), old, type) : 0;
      if (template === 0) {
        if (typesWithAdditional.has(type)) return undefined;
        template = this.#templates.compile(answerContent(new Map(), draft, type));
      }
      directory.push(type, template);
    }
    return directory;
  }

  #writeNode(draft: NameDraft, old: number, hash: number, directory: readonly number[]): void {
    const nameWords = (draft.wire.length + 3) >> 2;
    draft.node = this.#segment.allocate(nodeLayout.words + directory.length + nameWords);
    const { words, bytes } = this.#segment;
    fillNode(this.#segment, draft, hash, steering(draft.rrsets.get(STEER), this.#options));
    words[draft.node + nodeLayout.wildcard] = old === 0 ? 0 : words[old + nodeLayout.wildcard]!;
    words[draft.node + nodeLayout.rrsetCount] = directory.length >> 1;
    words.set(directory, draft.node + nodeLayout.words);
    bytes.set(draft.wire, (draft.node + nodeLayout.words + directory.length) * 4);
  }

  /** Lets the table lead to the new node; a node that is no wildcard, cut or DNAME has no other links. */
  #link(draft: NameDraft, old: number, hash: number): void {
    const { words } = this.#segment;
    const start = words[zoneHeader.tableStart]!;
    const mask = words[zoneHeader.tableMask]!;
    if (old === 0) {
      putIntoTable(words, start, mask, hash, draft.node);
      words[zoneHeader.nameCount]! += 1;
      words[zoneHeader.maxLabels] = Math.max(words[zoneHeader.maxLabels]!, draft.labels);
      return;
    }
    let entry = hash & mask;
    while (words[start + entry * 2 + 1] !== old) entry = (entry + 1) & mask;
    words[start + entry * 2 + 1] = draft.node;
  }

  #writeApex(draft: NameDraft): void {
    const soa = draft.rrsets.get(rrTypes.SOA);
    if (soa === undefined) throw new Error('a zone without an SOA passed its checks');
    const negative = this.#templates.compile(negativeContent(draft, soa));
    this.#segment.words[zoneHeader.apexNode] = draft.node;
    this.#segment.words[zoneHeader.negativeTemplate] = negative;
  }

  /** The segment so far; valid until more of it is allocated. */
  #view(): ZoneView {
    return viewZone(this.#segment.words, this.#segment.bytes);
  }
}

/** False for what lies at or below a zone cut or a DNAME. */
function isFree({ words }: ZoneView, node: number): boolean {
  const flags = words[node + nodeLayout.flags]!;
  return words[node + nodeLayout.cover] === 0 && (flags & (nodeFlags.cut | nodeFlags.dname)) === 0;
}

/** Whether the table is at most three quarters full with one more name. */
function hasRoom({ nameCount, tableMask }: ZoneView): boolean {
  return (nameCount + 1) * 4 <= (tableMask + 1) * 3;
}
