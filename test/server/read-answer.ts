import assert from 'node:assert/strict';
import { formatName } from '../../src/wire/names.ts';
import { rdataCodec, rdataNames } from '../../src/wire/rdata/registry.ts';
import { typeName } from '../../src/wire/type-names.ts';
import { rcodes } from '../../src/wire/types.ts';

/** An answer in words, read by a decoder that is strict about compression. */
export interface ReadAnswer {
  readonly id: number;
  readonly rcode: string;
  readonly flags: string;
  /** `www.example.com. A`, or empty. */
  readonly question: string;
  /** `www.example.com. 300 A 192.0.2.1` */
  readonly answer: readonly string[];
  readonly authority: readonly string[];
  readonly additional: readonly string[];
  readonly opt?: ReadOpt;
  readonly bytes: number;
}

export interface ReadOpt {
  readonly payload: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  /** Hex by code. */
  readonly options: Readonly<Record<number, string>>;
}

const flagNames: readonly [number, string][] = [
  [0x8000, 'qr'],
  [0x0400, 'aa'],
  [0x0200, 'tc'],
  [0x0100, 'rd'],
  [0x0080, 'ra'],
  [0x0040, 'z'],
  [0x0020, 'ad'],
  [0x0010, 'cd'],
];

/** Reads an answer; throws where a strict resolver would complain. */
export function readAnswer(bytes: Uint8Array): ReadAnswer {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const word = view.getUint16(2);
  let at = 12;
  let question = '';
  for (let index = 0; index < view.getUint16(4); index += 1) {
    const { name, next } = readName(bytes, at);
    question = `${formatName(name)} ${typeName(view.getUint16(next))}`;
    at = next + 4;
  }
  let opt: ReadOpt | undefined;
  let extended = 0;
  const sections: string[][] = [[], [], []];
  for (const [index, section] of sections.entries()) {
    for (let count = view.getUint16(6 + index * 2); count > 0; count -= 1) {
      const { name, next } = readName(bytes, at);
      const type = view.getUint16(next);
      const rdataAt = next + 10;
      at = rdataAt + view.getUint16(next + 8);
      assert.ok(at <= bytes.length, 'a record goes beyond the message');
      if (type === 41) {
        assert.equal(index, 2);
        assert.equal(opt, undefined, 'two OPTs');
        extended = view.getUint8(next + 4);
        opt = readOpt(view, next, rdataAt, at);
        continue;
      }
      const rdata = expandRdata(bytes, type, rdataAt, at);
      const text = rdataCodec(type).format(rdata);
      section.push(`${formatName(name)} ${view.getUint32(next + 4)} ${typeName(type)} ${text}`);
    }
  }
  assert.equal(at, bytes.length, 'octets behind the last record');
  const rcode = (extended << 4) | (word & 0xf);
  return {
    id: view.getUint16(0),
    rcode: Object.entries(rcodes).find(([, value]) => value === rcode)?.[0] ?? String(rcode),
    flags: flagNames
      .filter(([bit]) => (word & bit) !== 0)
      .map(([, name]) => name)
      .join(' '),
    question,
    answer: sections[0] ?? [],
    authority: sections[1] ?? [],
    additional: sections[2] ?? [],
    ...(opt === undefined ? {} : { opt }),
    bytes: bytes.length,
  };
}

function readOpt(view: DataView, typeAt: number, from: number, end: number): ReadOpt {
  const options: Record<number, string> = {};
  for (let at = from; at < end; ) {
    const length = view.getUint16(at + 2);
    const value = Buffer.from(view.buffer, view.byteOffset + at + 4, length);
    options[view.getUint16(at)] = value.toString('hex');
    at += 4 + length;
    assert.ok(at <= end, 'an option goes beyond OPT');
  }
  assert.equal(view.getUint8(typeAt - 1), 0, 'OPT is owned by the root');
  return {
    payload: view.getUint16(typeAt + 2),
    version: view.getUint8(typeAt + 5),
    dnssecOk: view.getUint16(typeAt + 6) === 0x8000,
    options,
  };
}

/** Reads a name; each pointer must point before the place where its name began. */
function readName(bytes: Uint8Array, at: number): { name: Uint8Array; next: number } {
  const labels: number[] = [];
  let next = -1;
  let place = at;
  let before = at;
  for (;;) {
    const length = bytes[place];
    assert.ok(length !== undefined, 'a name goes beyond the message');
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (bytes[place + 1] ?? 0);
      if (next < 0) next = place + 2;
      assert.ok(target < before, `pointer at ${place} to ${target} does not go back`);
      before = target;
      place = target;
      continue;
    }
    assert.ok(length <= 63, 'a label type that is not used');
    labels.push(...bytes.subarray(place, place + 1 + length));
    place += 1 + length;
    if (length === 0) break;
  }
  assert.ok(labels.length <= 255, 'a name is too long');
  return { name: Uint8Array.from(labels), next: next < 0 ? place : next };
}

/** Types whose rdata may hold compressed names (RFC 3597 §4), and what stands before and behind. */
const compressed: Readonly<Record<number, readonly [before: number, names: number]>> = {
  2: [0, 1],
  5: [0, 1],
  6: [0, 2],
  12: [0, 1],
  15: [2, 1],
};

function expandRdata(bytes: Uint8Array, type: number, from: number, end: number): Uint8Array {
  const shape = compressed[type];
  if (shape === undefined) {
    const rdata = bytes.slice(from, end);
    for (const name of rdataNames(type, rdata)) readName(rdata, name.at);
    return rdata;
  }
  const parts = [...bytes.subarray(from, from + shape[0])];
  let at = from + shape[0];
  for (let name = 0; name < shape[1]; name += 1) {
    const read = readName(bytes, at);
    parts.push(...read.name);
    at = read.next;
  }
  assert.ok(at <= end, 'rdata goes beyond its length');
  return Uint8Array.from([...parts, ...bytes.subarray(at, end)]);
}
