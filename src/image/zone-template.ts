import { rdataNames } from '../wire/rdata/registry.ts';
import { rrClasses, rrTypes } from '../wire/types.ts';
import {
  fixupKinds,
  template as layout,
  maxBodyBytes,
  maxPointedAt,
  ownerAt,
  questionTailBytes,
} from './layout.ts';
import type { SegmentWriter } from './segment-writer.ts';

/** Records of one owner and type, ready to be encoded. */
export interface TemplateRecords {
  /** Uncompressed wire name. */
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttlSeconds: number;
  readonly rdatas: readonly Uint8Array[];
}

/** What one answer holds behind its question. */
export interface TemplateContent {
  /** The name that the template is compiled for: qname, cut or apex. Uncompressed wire name. */
  readonly owner: Uint8Array;
  readonly answer?: readonly TemplateRecords[];
  readonly authority?: readonly TemplateRecords[];
  /** In-domain glue: all of it goes out, or TC (RFC 9471 §3.1). */
  readonly glue?: readonly TemplateRecords[];
  /** Sent as far as it fits, RRset by RRset. */
  readonly optional?: readonly TemplateRecords[];
}

/** Where most bodies are encoded: many small zones need not allocate memory for it each. */
const bodyScratch = new Uint8Array(4096);

/**
 * Encodes templates into a segment (the drawing is in layout.ts). One per zone being compiled, so
 * that its scratch memory is shared.
 */
export class TemplateCompiler {
  readonly #segment: SegmentWriter;
  #body = bodyScratch;
  #bodyBytes = 0;
  #fixups: number[] = [];
  #owner: Uint8Array = new Uint8Array();
  #isWildcard = false;
  /** Lower-case suffix (one character per octet) → where it stands: kind × 65,536 + offset. */
  #suffixes: Map<string, number> | undefined;

  constructor(segment: SegmentWriter) {
    this.#segment = segment;
  }

  /** Encodes one template and returns its offset in words. */
  compile(content: TemplateContent): number {
    this.#bodyBytes = 0;
    this.#fixups = [];
    this.#suffixes = undefined;
    this.#owner = content.owner;
    this.#isWildcard = content.owner[0] === 1 && content.owner[1] === 0x2a;
    const answerCount = this.#records(content.answer, true);
    const authorityCount = this.#records(content.authority);
    const coreBytes = this.#bodyBytes;
    const glueCount = this.#records(content.glue);
    const requiredBytes = this.#bodyBytes;
    const chunks: number[] = [];
    if (requiredBytes <= maxBodyBytes) {
      for (const records of content.optional ?? []) {
        const fixups = this.#fixups.length;
        const start = this.#bodyBytes;
        const count = this.#records([records]);
        if (this.#bodyBytes > maxBodyBytes) {
          this.#bodyBytes = start;
          this.#fixups.length = fixups;
          break;
        }
        chunks.push((this.#bodyBytes - start) | (count << 16));
      }
    } else {
      this.#bodyBytes = 0;
      this.#fixups = [];
    }
    return this.#store(
      [
        answerCount | (authorityCount << 16),
        glueCount,
        coreBytes,
        requiredBytes,
        content.owner.length,
        this.#fixups.length,
        chunks.length,
      ],
      chunks,
    );
  }

  #store(header: readonly number[], chunks: readonly number[]): number {
    const fixups = this.#fixups;
    const bodyAt = layout.words + fixups.length + chunks.length;
    const at = this.#segment.allocate(bodyAt + ((this.#bodyBytes + 3) >> 2));
    const { words, bytes } = this.#segment;
    words.set(header, at);
    words.set(fixups, at + layout.words);
    words.set(chunks, at + layout.words + fixups.length);
    bytes.set(this.#body.subarray(0, this.#bodyBytes), (at + bodyAt) * 4);
    return at;
  }

  #records(list: readonly TemplateRecords[] | undefined, isAnswer = false): number {
    let count = 0;
    for (const { owner, type, ttlSeconds, rdatas } of list ?? []) {
      for (const rdata of rdatas) {
        if (this.#bodyBytes > maxBodyBytes) return count;
        this.#ownerName(owner, isAnswer || !this.#isWildcard);
        const at = this.#reserve(10);
        this.#put16(at, type);
        this.#put16(at + 2, rrClasses.IN);
        this.#put16(at + 4, ttlSeconds >>> 16);
        this.#put16(at + 6, ttlSeconds);
        const start = this.#bodyBytes;
        this.#rdata(type, rdata);
        this.#put16(at + 8, this.#bodyBytes - start);
        count += 1;
      }
    }
    return count;
  }

  /** The owner of a wildcard becomes the name that was asked in its answer, and nowhere else. */
  #ownerName(owner: Uint8Array, mayBecomeAsked: boolean): void {
    if (owner === this.#owner && mayBecomeAsked) this.#pointer(fixupKinds.owner, 0);
    else this.#compressedName(owner);
  }

  #rdata(type: number, rdata: Uint8Array): void {
    // A CNAME's target stays whole: the next link of a chain has it as its owner name.
    const names = type === rrTypes.CNAME || type === rrTypes.A ? [] : rdataNames(type, rdata);
    let copied = 0;
    for (const { at, bytes, compressible } of names) {
      if (!compressible) continue;
      this.#plain(rdata.subarray(copied, at));
      this.#compressedName(rdata.subarray(at, at + bytes));
      copied = at + bytes;
    }
    this.#plain(rdata.subarray(copied));
  }

  #compressedName(name: Uint8Array): void {
    this.#suffixes ??= suffixesOf(this.#owner);
    const key = suffixKey(name);
    for (let at = 0; ; at += 1 + name[at]!) {
      const length = name[at]!;
      if (length === 0) {
        this.#plain(name.subarray(at, at + 1));
        return;
      }
      const known = this.#suffixes.get(key.slice(at));
      const moves = this.#isWildcard && known === 0;
      if (known !== undefined && !moves) {
        this.#pointer(known >> 16, known & 0xffff);
        return;
      }
      if (this.#bodyBytes <= maxPointedAt && !moves) {
        this.#suffixes.set(key.slice(at), (fixupKinds.body << 16) | this.#bodyBytes);
      }
      this.#plain(name.subarray(at, at + 1 + length));
    }
  }

  #pointer(kind: number, offset: number): void {
    this.#fixups.push(this.#bodyBytes | (kind << 16));
    const base =
      kind === fixupKinds.body ? ownerAt + this.#owner.length + questionTailBytes : ownerAt;
    const at = this.#reserve(2);
    this.#put16(at, 0xc000 | (base + offset));
  }

  /** Writes the low 16 bits; a DataView for each record would take longer than the record. */
  #put16(at: number, value: number): void {
    this.#body[at] = value >>> 8;
    this.#body[at + 1] = value;
  }

  #plain(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#body.set(bytes, at);
  }

  #reserve(bytes: number): number {
    const at = this.#bodyBytes;
    this.#bodyBytes += bytes;
    if (this.#bodyBytes > this.#body.length) {
      const grown = new Uint8Array(Math.max(this.#bodyBytes, this.#body.length * 2));
      grown.set(this.#body);
      this.#body = grown;
    }
    return at;
  }
}

/** Words of an encoded template. */
export function templateWords(words: Int32Array, at: number): number {
  const chunks = words[at + layout.chunkCount]!;
  const bodyAt = layout.words + words[at + layout.fixupCount]! + chunks;
  const requiredBytes = words[at + layout.requiredBytes]!;
  let bytes = requiredBytes > maxBodyBytes ? 0 : requiredBytes;
  for (let chunk = 1; chunk <= chunks; chunk += 1) {
    bytes += words[at + bodyAt - chunk]! & 0xffff;
  }
  return bodyAt + ((bytes + 3) >> 2);
}

function suffixesOf(owner: Uint8Array): Map<string, number> {
  const suffixes = new Map<string, number>();
  const key = suffixKey(owner);
  for (let at = 0; owner[at] !== 0; at += 1 + owner[at]!) {
    const kind = at === 0 ? fixupKinds.owner : fixupKinds.suffix;
    suffixes.set(key.slice(at), (kind << 16) | at);
  }
  return suffixes;
}

/** A wire name as a string of one character per octet, ASCII letters in lower case. */
function suffixKey(name: Uint8Array): string {
  const lower = Buffer.from(name);
  for (let at = 0; at < lower.length; at += 1) {
    const octet = lower[at]!;
    if (octet >= 0x41 && octet <= 0x5a) lower[at] = octet | 0x20;
  }
  return lower.toString('latin1');
}
