import { hash } from 'node:crypto';
import { endianness } from 'node:os';
import { limits } from '../base/limits.ts';
import {
  type Layout,
  type PackedReport,
  packState,
  unpackState,
  wordsPerCheck,
} from './packed-report.ts';
import type { CheckState, Report } from './report.ts';

/*
 * A report on the wire, little-endian; as long when all is well as when all is down:
 *
 *     0   4  "MRP1"
 *     4   8  boot
 *    12   8  sequence
 *    20  32  digest of the plan: SHA-256
 *    52  64  name of the agent: length (1), octets, zeros
 *   116   1  flags: 1 canaries are well
 *   117   3  0
 *   120   4  checks
 *   124   4  the agent's uptime, tenths of a second
 *   128      16 octets per check, in the order of the plan (packed-report.ts)
 *            texts of errors: per text place (4), length (1), octets; zeros to its fixed end
 *            64 signature: Ed25519 over the head and the SHA-256 of all between
 *
 * Texts are for people: what finds no room is left out, its error class is not.
 */
const magic = 0x3150_524d;
const headBytes = 128;
const nameBytes = 63;
const signatureBytes = 64;
const checkBytes = wordsPerCheck * 4;
const canariesFlag = 1;

/** What stands in a report's head, before anything of it is believed. */
export interface ReportHead {
  readonly agent: string;
  readonly boot: number;
  readonly sequence: number;
  /** Lower-case hex. */
  readonly planDigest: string;
  readonly canariesOk: boolean;
  readonly checks: number;
  readonly uptimeTenths: number;
}

/** Octets of a report on so many checks. */
export function reportBytes(checks: number): number {
  return headBytes + checks * checkBytes + textBytes(checks) + signatureBytes;
}

/** The longest report that there can be. */
export const maxReportBytes: number = reportBytes(limits.checksPerAgent);

function textBytes(checks: number): number {
  return Math.min(limits.reportTextBytes, 1024 + checks * 8);
}

/**
 * Writes a report, with room for its signature at the end: `signedPart` is what to sign.
 * @param planDigest SHA-256, hex
 * @param uptimeMs of the agent, by its monotonic clock
 */
export function encodeReport(
  report: Omit<Report, 'region'>,
  planDigest: string,
  uptimeMs: number,
): Uint8Array {
  const { agent, boot, sequence, canariesOk, results } = report;
  const bytes = new Uint8Array(reportBytes(results.length));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic, true);
  view.setBigUint64(4, BigInt(boot), true);
  view.setBigUint64(12, BigInt(sequence), true);
  bytes.set(Buffer.from(planDigest, 'hex').subarray(0, 32), 20);
  const name = Buffer.from(agent, 'latin1').subarray(0, nameBytes);
  bytes[52] = name.length;
  bytes.set(name, 53);
  bytes[116] = canariesOk ? canariesFlag : 0;
  view.setUint32(120, results.length, true);
  view.setUint32(124, Math.round(uptimeMs / 100), true);
  const words = new Uint32Array(bytes.buffer, headBytes, results.length * wordsPerCheck);
  for (const [place, state] of results.entries()) packState(words, place, state, uptimeMs);
  if (endianness() === 'BE') Buffer.from(bytes.buffer, headBytes, words.byteLength).swap32();
  writeTexts(bytes, results);
  return bytes;
}

/** What a report's signature is made over. Ed25519 by itself goes through all octets by SHA-512. */
export function signedPart(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(headBytes, bytes.length - signatureBytes);
  return Buffer.concat([bytes.subarray(0, headBytes), hash('sha256', content, 'buffer')]);
}

/** Where a report's signature stands. */
export function signaturePart(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - signatureBytes);
}

/** Reads a report's head; undefined when the octets are no report, or not as many as it says. */
export function decodeHead(bytes: Uint8Array): ReportHead | undefined {
  if (bytes.length < headBytes + signatureBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== magic) return undefined;
  const boot = Number(view.getBigUint64(4, true));
  const sequence = Number(view.getBigUint64(12, true));
  const nameLength = bytes[52] ?? 0;
  const checks = view.getUint32(120, true);
  if (!Number.isSafeInteger(boot) || !Number.isSafeInteger(sequence)) return undefined;
  if (nameLength === 0 || nameLength > nameBytes) return undefined;
  if (checks > limits.checksPerAgent || bytes.length !== reportBytes(checks)) return undefined;
  const text = (from: number, to: number, encoding: 'hex' | 'latin1') =>
    Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString(encoding);
  return {
    agent: text(53, 53 + nameLength, 'latin1'),
    boot,
    sequence,
    planDigest: text(20, 52, 'hex'),
    canariesOk: ((bytes[116] ?? 0) & canariesFlag) !== 0,
    checks,
    uptimeTenths: view.getUint32(124, true),
  };
}

/**
 * Makes of a report whose head was read and believed what the roster takes. Nothing of the checks
 * is looked at yet: whoever compares does that, and texts are read when somebody asks. The octets
 * must not change until the report was taken; whoever wants it longer keeps it (`kept`).
 */
export function decodeBody(
  bytes: Uint8Array,
  head: ReportHead,
  layout: Layout,
  region: string,
): PackedReport {
  const part = bytes.subarray(headBytes, bytes.length - signatureBytes);
  const isAligned = part.byteOffset % 4 === 0 && endianness() === 'LE';
  const body = isAligned ? part : new Uint8Array(part);
  if (endianness() === 'BE') Buffer.from(body.buffer, 0, head.checks * checkBytes).swap32();
  return new WiredReport(head, layout, region, body, false);
}

/** A report as it came over the wire: its checks, then its texts. */
class WiredReport implements PackedReport {
  readonly agent: string;
  readonly region: string;
  readonly boot: number;
  readonly sequence: number;
  readonly canariesOk: boolean;
  readonly layout: Layout;
  readonly words: Uint32Array;
  readonly #head: ReportHead;
  readonly #body: Uint8Array;
  /** True when the octets are this report's alone. */
  readonly #isKept: boolean;

  constructor(head: ReportHead, layout: Layout, region: string, body: Uint8Array, isKept: boolean) {
    this.agent = head.agent;
    this.region = region;
    this.boot = head.boot;
    this.sequence = head.sequence;
    this.canariesOk = head.canariesOk;
    this.layout = layout;
    this.words = new Uint32Array(body.buffer, body.byteOffset, head.checks * wordsPerCheck);
    this.#head = head;
    this.#body = body;
    this.#isKept = isKept;
  }

  detail(place: number): CheckState {
    const texts = this.#body.subarray(this.words.byteLength);
    return unpackState(this, place, this.#head.uptimeTenths, readText(texts, place));
  }

  kept(before: PackedReport | undefined): PackedReport {
    if (this.#isKept) return this;
    const body = this.#body;
    // A new buffer for each report would become old in the heap: freed by full collections alone.
    const room =
      before instanceof WiredReport && before.#isKept && before.#body.length === body.length
        ? before.#body
        : new Uint8Array(body.length);
    room.set(body);
    return new WiredReport(this.#head, this.layout, this.region, room, true);
  }
}

function writeTexts(bytes: Uint8Array, results: readonly CheckState[]): void {
  let at = headBytes + results.length * checkBytes;
  const end = bytes.length - signatureBytes;
  const view = new DataView(bytes.buffer);
  for (const [place, { errorText }] of results.entries()) {
    if (errorText === undefined || errorText === '') continue;
    const text = Buffer.from(errorText, 'utf8').subarray(0, 255);
    if (at + 5 + text.length > end) continue;
    view.setUint32(at, place, true);
    bytes[at + 4] = text.length;
    bytes.set(text, at + 5);
    at += 5 + text.length;
  }
}

function readText(texts: Uint8Array, wanted: number): string | undefined {
  const view = new DataView(texts.buffer, texts.byteOffset, texts.byteLength);
  for (let at = 0; at + 5 <= texts.length; ) {
    const place = view.getUint32(at, true);
    const length = view.getUint8(at + 4);
    if (length === 0) return undefined;
    if (place === wanted) {
      const text = texts.subarray(at + 5, at + 5 + length);
      return plain(Buffer.from(text.buffer, text.byteOffset, text.length).toString('utf8'));
    }
    at += 5 + length;
  }
  return undefined;
}

/** An agent's words go into logs and pages: no control characters, no half characters. */
function plain(text: string): string {
  return text
    .replace(/[\x00-\x1f\x7f-\x9f\ufffd\u2028\u2029]+/g, ' ')
    .slice(0, limits.checkErrorChars);
}
