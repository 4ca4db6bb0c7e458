import { limits } from '../base/limits.ts';
import { decodeEdnsOptions, type Edns, encodeEdnsOptions } from './edns.ts';
import { headerBytes, MessageReader } from './message-reader.ts';
import { MessageWriter } from './message-writer.ts';
import { rootName } from './names.ts';
import { rrClasses, rrTypes } from './types.ts';

/** A whole DNS message as an object; for control plane, transfers, tools and tests (RFC 1035 §4). */
export interface Message {
  /** 16 bits that pair a response with its query. */
  readonly id: number;
  /** 4 bits: 0 is QUERY, 4 NOTIFY, 5 UPDATE. */
  readonly opcode: number;
  readonly flags: Flags;
  /** 12 bits; over 15 only with EDNS (RFC 6891 §6.1.3). */
  readonly rcode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record, which is `edns`. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns?: Edns;
}

/** The flag bits of a header; an absent one is 0. */
export interface Flags {
  /** The message is a response. */
  readonly qr?: boolean;
  /** Authoritative answer. */
  readonly aa?: boolean;
  /** Truncated. */
  readonly tc?: boolean;
  /** Recursion desired. */
  readonly rd?: boolean;
  /** Recursion available. */
  readonly ra?: boolean;
  /** The bit that must be zero (RFC 1035 §4.1.1). */
  readonly z?: boolean;
  /** Authentic data (RFC 4035 §3.2.3). */
  readonly ad?: boolean;
  /** Checking disabled (RFC 4035 §3.2.2). */
  readonly cd?: boolean;
}

/** What is asked. */
export interface Question {
  /** Uncompressed wire name, case kept. */
  readonly name: Uint8Array;
  readonly type: number;
  readonly class: number;
}

/** One record; its rdata is uncompressed. */
export interface ResourceRecord {
  /** Uncompressed wire name, case kept. */
  readonly name: Uint8Array;
  readonly type: number;
  readonly class: number;
  /** Seconds, or whatever else 32 bits say in OPT and TSIG. */
  readonly ttl: number;
  /** Names inside stand in full; never longer than 65,535 octets. */
  readonly rdata: Uint8Array;
}

/** The sections of a message that hold records, in their order. */
const recordSections = ['answers', 'authorities', 'additionals'] as const;

/** Bit masks of the flags in the second 16-bit word of a header. */
const flagBits = {
  qr: 0x8000,
  aa: 0x0400,
  tc: 0x0200,
  rd: 0x0100,
  ra: 0x0080,
  z: 0x0040,
  ad: 0x0020,
  cd: 0x0010,
} as const;

/** A query for one name and type in class IN, without recursion, unless `change` says otherwise. */
export function makeQuery(name: Uint8Array, type: number, change: Partial<Message> = {}): Message {
  return {
    id: 0,
    opcode: 0,
    flags: {},
    rcode: 0,
    questions: [{ name, type, class: rrClasses.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    ...change,
  };
}

/**
 * Reads a whole message. Names are decompressed, also inside the rdata of the types that RFC 3597 §4
 * lists; other rdata is taken as it is.
 * Returns undefined, and never throws, when anything is malformed: cut short, octets left over, a
 * compression pointer that does not point backward, two OPT records or a misplaced one.
 */
export function decodeMessage(bytes: Uint8Array): Message | undefined {
  if (bytes.length < headerBytes || bytes.length > limits.messageBytes) return undefined;
  const reader = new MessageReader(bytes);
  const id = reader.u16();
  const word = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const questions = reader.questions(counts[0]);
  const answers = reader.records(counts[1]);
  const authorities = reader.records(counts[2]);
  const additionals = reader.records(counts[3]);
  if (reader.failed || reader.at !== bytes.length) return undefined;
  if ([...answers, ...authorities].some(isOpt)) return undefined;

  const opts = additionals.filter(isOpt);
  const opt = opts[0];
  const edns = opt === undefined ? undefined : decodeOpt(opt);
  if (opts.length > 1 || (opt !== undefined && edns === undefined)) return undefined;
  const upperRcode = opt === undefined ? 0 : opt.ttl >>> 24;
  return {
    id,
    opcode: (word >>> 11) & 15,
    flags: decodeFlags(word),
    rcode: upperRcode * 16 + (word & 15),
    questions,
    answers,
    authorities,
    additionals: additionals.filter((record) => !isOpt(record)),
    ...(edns !== undefined && { edns }),
  };
}

function isOpt(record: ResourceRecord): boolean {
  return record.type === rrTypes.OPT;
}

function decodeFlags(word: number): Flags {
  const set = Object.entries(flagBits).filter(([, bit]) => (word & bit) !== 0);
  return Object.fromEntries(set.map(([flag]) => [flag, true]));
}

/** RFC 6891 §6.1.2, §6.1.3: the owner is the root, the class a size, the TTL three fields. */
function decodeOpt(opt: ResourceRecord): Edns | undefined {
  const options = decodeEdnsOptions(opt.rdata);
  if (options === undefined || opt.name.length !== 1) return undefined;
  const reservedFlags = opt.ttl & 0x7fff;
  return {
    udpPayloadBytes: opt.class,
    version: (opt.ttl >>> 16) & 255,
    dnssecOk: (opt.ttl & 0x8000) !== 0,
    ...(reservedFlags !== 0 && { reservedFlags }),
    options,
  };
}

/**
 * Writes a message. Owner names and the names inside RFC 1035 rdata are compressed, where the same
 * labels stand before in the same case; no other rdata is (RFC 3597 §4).
 *
 * What does not fit `maxBytes` (default 65,535) is left out by whole RRsets, OPT and TSIG never: the
 * first RRset of answer or authority that does not fit ends the message and sets TC (RFC 2181 §9);
 * additional RRsets are left out silently, except in a referral, whose glue they are (RFC 9471 §3.1).
 * Throws a RangeError when the message cannot be represented: an RCODE over 15 without EDNS, or
 * questions that do not fit.
 */
export function encodeMessage(
  message: Message,
  { maxBytes = limits.messageBytes }: { maxBytes?: number } = {},
): Uint8Array {
  if (message.rcode > 15 && message.edns === undefined) {
    throw new RangeError(`RCODE ${message.rcode} needs EDNS`);
  }
  const tail = tailRecords(message);
  const tailBytes = tail.reduce((sum, record) => sum + uncompressedBytes(record), 0);
  const writer = new MessageWriter(Math.min(maxBytes, limits.messageBytes), tailBytes);
  const counts = [message.questions.length, 0, 0, 0];
  for (const { name, type, class: questionClass } of message.questions) {
    writer.name(name);
    writer.u16(type);
    writer.u16(questionClass);
  }
  if (writer.overflowed) throw new RangeError('the questions do not fit the message');
  const truncated = writeSections(message, tail, writer, counts);
  writer.openTail();
  for (const record of tail) writer.record(record);
  counts[3] = (counts[3] ?? 0) + tail.length;
  let word = ((message.opcode & 15) << 11) | (message.rcode & 15);
  for (const [flag, bit] of Object.entries(flagBits)) {
    if (message.flags[flag as keyof typeof flagBits] === true) word |= bit;
  }
  return writer.finish(message.id, truncated ? word | flagBits.tc : word, counts);
}

/** Writes what fits; returns true when something that was needed did not. */
function writeSections(
  message: Message,
  tail: readonly ResourceRecord[],
  writer: MessageWriter,
  counts: number[],
): boolean {
  const needsAll = isReferral(message);
  for (const [place, section] of recordSections.entries()) {
    const records = message[section].filter((record) => !tail.includes(record));
    for (const rrset of groupRRsets(records)) {
      const mark = writer.mark();
      for (const record of rrset) writer.record(record);
      if (!writer.overflowed) {
        counts[place + 1] = (counts[place + 1] ?? 0) + rrset.length;
        continue;
      }
      writer.rewind(mark);
      if (section !== 'additionals' || needsAll) return true;
    }
  }
  return false;
}

function isReferral({ flags, answers, authorities }: Message): boolean {
  if (flags.aa === true || answers.length > 0) return false;
  return authorities.some(({ type }) => type === rrTypes.NS);
}

/** Neighbours of one owner, type and class. */
function groupRRsets(records: readonly ResourceRecord[]): ResourceRecord[][] {
  const groups: ResourceRecord[][] = [];
  for (const record of records) {
    const group = groups.at(-1);
    const first = group?.[0];
    const same =
      first !== undefined &&
      first.type === record.type &&
      first.class === record.class &&
      Buffer.compare(first.name, record.name) === 0;
    if (same) group?.push(record);
    else groups.push([record]);
  }
  return groups;
}

/** OPT, and a TSIG or SIG(0) at the end, which must stay last (RFC 8945 §5.1, RFC 2931 §3.1). */
function tailRecords(message: Message): ResourceRecord[] {
  const tail: ResourceRecord[] = [];
  if (message.edns !== undefined) tail.push(optRecord(message.edns, message.rcode));
  const last = message.additionals.at(-1);
  if (last?.type === rrTypes.TSIG || last?.type === rrTypes.SIG) tail.push(last);
  return tail;
}

function optRecord(edns: Edns, rcode: number): ResourceRecord {
  const flags = (edns.dnssecOk ? 0x8000 : 0) | ((edns.reservedFlags ?? 0) & 0x7fff);
  return {
    name: rootName,
    type: rrTypes.OPT,
    class: edns.udpPayloadBytes,
    ttl: (((rcode >>> 4) << 24) | ((edns.version & 255) << 16) | flags) >>> 0,
    rdata: encodeEdnsOptions(edns.options),
  };
}

function uncompressedBytes(record: ResourceRecord): number {
  return record.name.length + 10 + record.rdata.length;
}
