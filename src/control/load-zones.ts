import { isAtOrBelow } from '../wire/names.ts';
import { typeNumber } from '../wire/type-names.ts';
import { ProblemList } from '../zone/problem-list.ts';
import { ArenaPool } from '../zone/record-arena.ts';
import { rrsetFromStored } from '../zone/rrset-json.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { ZoneBuilder } from '../zone/zone-builder.ts';
import { parseRRsetId, type RRsetId } from './object-ids.ts';
import { StoredLines } from './read-stored-lines.ts';

/**
 * Gathers the rrsets of a store into zones. Their ids and bodies are in the one form in which they were
 * stored, so that ids are only taken apart, and rdata goes into one buffer for each zone: a million
 * rrsets take seconds and 250 MB, where reading each like a stranger's took half a minute and 1.2 GB.
 */
export class ZoneLoader {
  readonly #pool = new ArenaPool();
  readonly #builders = new Map<NameKey, ZoneBuilder>();
  #last:
    | { readonly zone: NameKey; readonly builder: ZoneBuilder; readonly lines: StoredLines }
    | undefined;
  /** The last id that was taken apart. */
  #parsed: { readonly id: string; readonly parts: RRsetId | undefined } | undefined;

  /** The zone of an rrset by its id; undefined when it is none. */
  zoneOf(id: string): NameKey | undefined {
    return this.#parseId(id)?.zone;
  }

  /** Says that a zone's rrsets follow. */
  begin(origin: NameKey): void {
    this.#builderOf(origin);
  }

  /** Takes an rrset in; false when the id or the body is not as this version writes it. */
  add(id: string, body: string): boolean {
    const parsed = this.#parseId(id);
    if (parsed === undefined) return false;
    let form: unknown;
    try {
      form = JSON.parse(body);
    } catch {
      return false;
    }
    if (typeof form !== 'object' || form === null || Array.isArray(form)) return false;
    const { zone, owner, type } = parsed;
    const rrset = rrsetFromStored(zone, owner, type, form);
    if (rrset === undefined) return false;
    this.#keep(zone, rrset);
    return true;
  }

  /**
   * Takes in those lines of a block that are rrsets as this version writes them, and tells `touched` of
   * their zones; `other` gets the number, from 0, and the text of each other line, and of all that
   * `isReplaced` holds for.
   */
  addLines(
    lines: string,
    isReplaced: (line: number) => boolean,
    touched: (zone: NameKey) => void,
    other: (line: number, text: string) => void,
  ): void {
    let told: NameKey | undefined;
    let at = 0;
    for (let line = 0; at < lines.length; line++) {
      const newline = lines.indexOf('\n', at);
      const end = newline < 0 ? lines.length : newline;
      const reader = this.#last?.lines;
      if (reader === undefined || isReplaced(line) || !reader.read(lines, at, end)) {
        other(line, lines.slice(at, end));
      } else if (this.#last !== undefined && told !== this.#last.zone) {
        told = this.#last.zone;
        touched(told);
      }
      at = end + 1;
    }
  }

  /** The rrsets of a zone so far; an empty zone when there are none. */
  finish(origin: NameKey): Zone {
    const builder = this.#builders.get(origin);
    if (builder === undefined) return { origin, nodes: new Map() };
    const zone = builder.finish(undefined);
    builder.nodes.forgetPlaces();
    return zone;
  }

  /** Gives back what was allocated ahead, once everything is in. */
  trim(): void {
    this.#pool.trim();
  }

  #keep(zone: NameKey, { owner, type, ttl, rdatas }: RRset): void {
    const builder = this.#builderOf(zone);
    for (const rdata of rdatas) {
      builder.add({ owner, key: owner, type, ttl, rdata, file: '', line: 0 });
    }
  }

  #builderOf(zone: NameKey): ZoneBuilder {
    if (this.#last?.zone === zone) return this.#last.builder;
    const builder =
      this.#builders.get(zone) ?? new ZoneBuilder(zone, new ProblemList(zone), this.#pool.arena());
    this.#builders.set(zone, builder);
    this.#last = { zone, builder, lines: new StoredLines(zone, builder) };
    return builder;
  }

  /** As `parseRRsetId`; an id that goes on in the zone of the one before need not be read as names. */
  #parseId(id: string): RRsetId | undefined {
    if (this.#parsed?.id !== id) this.#parsed = { id, parts: this.#takeApart(id) };
    return this.#parsed.parts;
  }

  #takeApart(id: string): RRsetId | undefined {
    const zone = this.#last?.zone;
    if (zone === undefined || id.indexOf('./') !== zone.length - 1 || !id.startsWith(zone)) {
      return parseRRsetId(id);
    }
    const last = id.lastIndexOf('/');
    const type = typeNumber(id.slice(last + 1));
    const owner = id.slice(zone.length + 1, last);
    return type !== undefined && isAtOrBelow(owner, zone)
      ? { zone, owner, type }
      : parseRRsetId(id);
  }
}
