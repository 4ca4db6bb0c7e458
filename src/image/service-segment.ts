import { parseIp, toBytes } from '../base/ip.ts';
import type { Alternative, Choice, Vip } from '../policy/choice.ts';
import { op, rootField, serviceHeader, serviceMagic, weightThresholds } from '../policy/program.ts';

/** A choice with the TTL that it is answered with. */
export interface Rooted {
  readonly choice: Choice;
  readonly ttlSeconds: number;
}

export interface ServiceSegmentInput {
  /** Slot of the client map, or -1. */
  readonly mapSlot: number;
  readonly has4: boolean;
  readonly has6: boolean;
  /** Members in the order that they are counted by; default: as they occur. */
  readonly members?: readonly string[];
  /** One per class, at least one. */
  readonly a: readonly Rooted[];
  readonly aaaa: readonly Rooted[];
}

/**
 * Writes a service segment (the layout is drawn in policy/program.ts). Equal choices are written once,
 * whether or not they are the same objects.
 */
export function encodeServiceSegment(input: ServiceSegmentInput): SharedArrayBuffer {
  return encodeServiceAddresses(input).segment;
}

/** A service segment, and the byte offset of each address in it by its canonical text. */
export interface EncodedService {
  readonly segment: SharedArrayBuffer;
  readonly addressAt: ReadonlyMap<string, number>;
}

/** `encodeServiceSegment` that also says where addresses stand. */
export function encodeServiceAddresses(input: ServiceSegmentInput): EncodedService {
  const builder = new ProgramBuilder(input.members ?? []);
  const a = input.a.map((rooted) => builder.root(rooted));
  const aaaa = input.aaaa.map((rooted) => builder.root(rooted));
  const sameTables = a.length === aaaa.length && a.every((root, index) => root === aaaa[index]);
  const tableA = serviceHeader.words;
  const tableAaaa = sameTables ? tableA : tableA + a.length;
  const programs = tableAaaa + aaaa.length;
  const addresses = programs + builder.words.length;
  const segment = new SharedArrayBuffer((addresses + builder.addressWords) * 4);
  const words = new Int32Array(segment);
  words[serviceHeader.magic] = serviceMagic;
  words[serviceHeader.mapSlot] = input.mapSlot;
  words[serviceHeader.classCount] = a.length;
  words[serviceHeader.families] = (input.has4 ? 1 : 0) | (input.has6 ? 2 : 0);
  words[serviceHeader.tableA] = tableA;
  words[serviceHeader.tableAaaa] = tableAaaa;
  for (const [index, root] of a.entries()) words[tableA + index] = programs + root;
  for (const [index, root] of aaaa.entries()) words[tableAaaa + index] = programs + root;
  builder.writeTo(words, programs, addresses);
  return { segment, addressAt: builder.addressAt(addresses) };
}

/** Where a word of a program points, to be moved when the segment is laid out. */
const pointsTo = { nothing: 0, program: 1, address: 2 } as const;

/**
 * Collects programs as words, hash-consed bottom-up: children are written before their parents, so that
 * a node is equal to another when its words are.
 */
class ProgramBuilder {
  readonly words: number[] = [];
  /** For each word, one of `pointsTo`. */
  readonly #points: number[] = [];
  readonly #byChoice = new Map<Choice, number>();
  readonly #byText = new Map<string, number>();
  readonly #addresses = new Map<string, number>();
  readonly #octets: {
    readonly word: number;
    readonly bytes: Uint8Array;
    readonly member: number;
  }[] = [];
  readonly #members: Map<string, number>;
  readonly #stickyNodes = new Set<number>();
  readonly #floats = new Float32Array(1);
  addressWords = 0;

  constructor(members: readonly string[]) {
    this.#members = new Map(members.map((member, index) => [member, index]));
  }

  /** Word index of a root, from the start of the programs. */
  root({ choice, ttlSeconds }: Rooted): number {
    const node = this.#node(choice);
    const words = new Array<number>(rootField.words).fill(0);
    words[rootField.ttlSeconds] = ttlSeconds;
    words[rootField.sticky] = this.#stickyNodes.has(node) ? 1 : 0;
    words[rootField.node] = node;
    const points = new Array<number>(rootField.words).fill(pointsTo.nothing);
    points[rootField.node] = pointsTo.program;
    return this.#put('root', words, points);
  }

  /** Copies programs and addresses to their places in the segment. */
  writeTo(words: Int32Array, programs: number, addresses: number): void {
    for (const [index, word] of this.words.entries()) {
      const points = this.#points[index];
      if (points === pointsTo.program) words[programs + index] = programs + word;
      else if (points === pointsTo.address) words[programs + index] = (addresses + word) * 4;
      else words[programs + index] = word;
    }
    const bytes = new Uint8Array(words.buffer);
    for (const { word, bytes: octets, member } of this.#octets) {
      words[addresses + word - 1] = member;
      bytes.set(octets, (addresses + word) * 4);
    }
  }

  /** Byte offset of each address, once the addresses begin at a word of the segment. */
  addressAt(addresses: number): Map<string, number> {
    return new Map([...this.#addresses].map(([text, word]) => [text, (addresses + word) * 4]));
  }

  #node(choice: Choice): number {
    const known = this.#byChoice.get(choice);
    if (known !== undefined) return known;
    const at = this.#write(choice);
    this.#byChoice.set(choice, at);
    return at;
  }

  #write(choice: Choice): number {
    switch (choice.kind) {
      case 'empty':
        return this.#put('node', [op.empty, 0], [0, 0]);
      case 'fixed':
        return this.#list([op.fixed, choice.vips.length], choice.vips);
      case 'rotate':
        return this.#list([op.rotate, choice.vips.length, choice.answers], choice.vips);
      case 'weighted': {
        const { alternatives } = choice;
        const thresholds = weightThresholds(alternatives.map(({ weight }) => weight));
        return this.#branch([op.weighted, alternatives.length, ...thresholds], alternatives);
      }
      case 'sticky': {
        const { alternatives } = choice;
        const keys = alternatives.map(({ key }) => key);
        const weights = alternatives.map(({ weight }) => this.#floatWord(weight));
        const head = [op.sticky, alternatives.length, ...keys, ...weights];
        const at = this.#branch(head, alternatives);
        this.#stickyNodes.add(at);
        return at;
      }
    }
  }

  #list(head: readonly number[], vips: readonly Vip[]): number {
    const addresses = vips.map((vip) => this.#address(vip));
    const points = [...head.map(() => pointsTo.nothing), ...vips.map(() => pointsTo.address)];
    return this.#put('node', [...head, ...addresses], points);
  }

  #branch(head: readonly number[], alternatives: readonly Alternative[]): number {
    const children = alternatives.map(({ choice }) => this.#node(choice));
    const points = [...head.map(() => pointsTo.nothing), ...children.map(() => pointsTo.program)];
    const at = this.#put('node', [...head, ...children], points);
    if (children.some((child) => this.#stickyNodes.has(child))) this.#stickyNodes.add(at);
    return at;
  }

  /** Appends words, or finds them where they already stand. */
  #put(kind: 'root' | 'node', words: readonly number[], points: readonly number[]): number {
    const text = `${kind} ${words.join(' ')}`;
    const known = this.#byText.get(text);
    if (known !== undefined) return known;
    const at = this.words.length;
    for (const [index, word] of words.entries()) {
      this.words.push(word);
      this.#points.push(points[index] ?? pointsTo.nothing);
    }
    this.#byText.set(text, at);
    return at;
  }

  /**
   * Word index of an address, from the start of the addresses. Where several members have it, it is
   * the first one's.
   */
  #address({ member, address: text }: Vip): number {
    const known = this.#addresses.get(text);
    if (known !== undefined) return known;
    const ip = parseIp(text);
    if (ip === undefined) throw new Error(`VIP ${text} is not an address`);
    const bytes = toBytes(ip);
    const word = this.addressWords + 1;
    this.addressWords += 1 + bytes.length / 4;
    this.#addresses.set(text, word);
    const number = this.#members.get(member) ?? this.#members.size;
    this.#members.set(member, number);
    this.#octets.push({ word, bytes, member: number });
    return word;
  }

  #floatWord(value: number): number {
    this.#floats[0] = value;
    return new Int32Array(this.#floats.buffer)[0]!;
  }
}
