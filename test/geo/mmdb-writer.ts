import { type IpAddress, type Prefix, parsePrefix } from '../../src/base/ip.ts';

/*
 * Writes small MMDB files for tests (MaxMind DB file format 2.0): search tree, 16 zero bytes, data,
 * marker, metadata.
 */

/** A value that a record can hold. Numbers are written as double unless integral (uint32). */
export type MmdbValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

/** What to write. */
export interface MmdbContent {
  readonly databaseType: string;
  /** 6 holds both families, IPv4 at ::/96. Default 6. */
  readonly ipVersion?: 4 | 6;
  /** Bits of a record. Default 28. */
  readonly recordSize?: 24 | 28 | 32;
  /** Seconds since 1970. Default 1,750,000,000. */
  readonly buildEpoch?: number;
  /** Prefix → record; a longer prefix inside a shorter one wins. */
  readonly networks: readonly (readonly [string, MmdbValue])[];
  /** Adds the ways to the IPv4 nodes that MaxMind's files have. Default false. */
  readonly aliases?: boolean;
  /** Metadata that replace what would be written. */
  readonly metadata?: Readonly<Record<string, MmdbValue>>;
}

interface TreeNode {
  /** A node, a record's number, or nothing. */
  children: [Child, Child];
}
type Child = TreeNode | number | undefined;

const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/** The bytes of a whole database. */
export function writeMmdb(content: MmdbContent): Buffer {
  const { ipVersion = 6, recordSize = 28 } = content;
  const data = new DataSection();
  const root: TreeNode = { children: [undefined, undefined] };
  const networks = content.networks.map(([cidr, value]) => {
    const prefix = parsePrefix(cidr);
    if (prefix === undefined) throw new Error(`"${cidr}" is not a prefix`);
    return { bits: pathOf(prefix, ipVersion), record: data.add(value) };
  });
  networks.sort((a, b) => a.bits.length - b.bits.length);
  for (const { bits, record } of networks) insert(root, bits, record);
  if (content.aliases === true) addAliases(root);
  const nodes = numberNodes(root);
  const tree = writeTree(nodes, recordSize);
  const metadata = {
    binary_format_major_version: new Uint16(2),
    binary_format_minor_version: new Uint16(0),
    build_epoch: BigInt(content.buildEpoch ?? 1_750_000_000),
    database_type: content.databaseType,
    description: { en: 'A database for tests' },
    ip_version: new Uint16(ipVersion),
    languages: ['en'],
    node_count: nodes.size,
    record_size: new Uint16(recordSize),
    ...content.metadata,
  };
  return Buffer.concat([tree, Buffer.alloc(16), data.bytes(), marker, encode(metadata)]);
}

type Encodable = MmdbValue | Uint16 | { readonly [key: string]: MmdbValue | Uint16 };

class Uint16 {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** Records one after another; equal ones are written once. */
class DataSection {
  readonly #parts: Buffer[] = [];
  readonly #offsets = new Map<string, number>();
  #size = 0;

  add(value: MmdbValue): number {
    const bytes = encode(value);
    const key = bytes.toString('latin1');
    const known = this.#offsets.get(key);
    if (known !== undefined) return known;
    const offset = this.#size;
    this.#offsets.set(key, offset);
    this.#parts.push(bytes);
    this.#size += bytes.length;
    return offset;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function pathOf(prefix: Prefix, ipVersion: 4 | 6): number[] {
  const { address, length } = prefix;
  if (ipVersion === 4 && address.family === 6) throw new Error('IPv6 does not fit in an IPv4 tree');
  const lead = ipVersion === 6 && address.family === 4 ? 96 : 0;
  return [...Array<number>(lead).fill(0), ...bitsOf(address).slice(0, length)];
}

function bitsOf(address: IpAddress): number[] {
  const words = address.family === 4 ? address.words.slice(0, 1) : address.words;
  return words.flatMap((word) => Array.from({ length: 32 }, (_, bit) => (word >>> (31 - bit)) & 1));
}

/** Puts a child at the end of a path, splitting the leaves on its way. */
function insert(root: TreeNode, bits: readonly number[], child: Child): void {
  if (bits.length === 0) {
    root.children = [child, child];
    return;
  }
  let node = root;
  bits.forEach((bit, depth) => {
    if (depth === bits.length - 1) {
      node.children[bit as 0 | 1] = child;
      return;
    }
    let next = node.children[bit as 0 | 1];
    if (typeof next !== 'object') {
      next = { children: [next, next] };
      node.children[bit as 0 | 1] = next;
    }
    node = next;
  });
}

function addAliases(root: TreeNode): void {
  let start: Child = root;
  for (let depth = 0; depth < 96; depth++) {
    if (typeof start !== 'object') throw new Error('no IPv4 networks to alias');
    start = start.children[0];
  }
  for (const cidr of ['::ffff:0:0/96', '2002::/16', '2001::/32']) {
    const prefix = parsePrefix(cidr);
    if (prefix !== undefined) insert(root, pathOf(prefix, 6), start);
  }
}

function numberNodes(root: TreeNode): Map<TreeNode, number> {
  const numbers = new Map<TreeNode, number>();
  const visit = (node: TreeNode) => {
    if (numbers.has(node)) return;
    numbers.set(node, numbers.size);
    for (const child of node.children) if (typeof child === 'object') visit(child);
  };
  visit(root);
  return numbers;
}

function writeTree(nodes: Map<TreeNode, number>, recordSize: 24 | 28 | 32): Buffer {
  const number = (child: Child) => {
    if (child === undefined) return nodes.size;
    if (typeof child === 'number') return nodes.size + 16 + child;
    return nodes.get(child) ?? 0;
  };
  const bytes = Buffer.alloc((nodes.size * recordSize) / 4);
  for (const [node, index] of nodes) {
    const [left, right] = [number(node.children[0]), number(node.children[1])];
    const at = (index * recordSize) / 4;
    if (recordSize === 24) {
      bytes.writeUIntBE(left, at, 3);
      bytes.writeUIntBE(right, at + 3, 3);
    } else if (recordSize === 28) {
      bytes.writeUIntBE(left & 0xffffff, at, 3);
      bytes.writeUInt8(((left >>> 24) << 4) | (right >>> 24), at + 3);
      bytes.writeUIntBE(right & 0xffffff, at + 4, 3);
    } else {
      bytes.writeUInt32BE(left, at);
      bytes.writeUInt32BE(right, at + 4);
    }
  }
  return bytes;
}

/** Encodes one value ("Data Section", types 1–15). */
function encode(value: Encodable): Buffer {
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'utf8');
    return Buffer.concat([control(2, text.length), text]);
  }
  if (typeof value === 'number') {
    if (Number.isInteger(value) && value >= 0) return unsigned(6, BigInt(value));
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleBE(value);
    return Buffer.concat([control(3, 8), bytes]);
  }
  if (typeof value === 'bigint') return unsigned(9, value);
  if (typeof value === 'boolean') return control(14, value ? 1 : 0);
  if (value instanceof Uint16) return unsigned(5, BigInt(value.value));
  if (value instanceof Uint8Array) return Buffer.concat([control(4, value.length), value]);
  if (Array.isArray(value)) {
    const items = value as readonly MmdbValue[];
    return Buffer.concat([control(11, items.length), ...items.map((item) => encode(item))]);
  }
  const entries = Object.entries(value as { readonly [key: string]: MmdbValue | Uint16 });
  const parts = entries.flatMap(([key, item]) => [encode(key), encode(item)]);
  return Buffer.concat([control(7, entries.length), ...parts]);
}

function unsigned(type: number, value: bigint): Buffer {
  const hex = value === 0n ? '' : value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([control(type, bytes.length), bytes]);
}

/** The control byte, the extended type after it, and the size beyond 28. */
function control(type: number, size: number): Buffer {
  const head = (low: number) => (type <= 7 ? [(type << 5) | low] : [low, type - 7]);
  if (size < 29) return Buffer.from(head(size));
  if (size < 285) return Buffer.from([...head(29), size - 29]);
  const rest = size - 285;
  return Buffer.from([...head(30), rest >>> 8, rest & 0xff]);
}
