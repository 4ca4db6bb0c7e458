import type { Family } from '../base/ip.ts';
import { damaged, type MmdbFile, separatorBytes } from './mmdb-file.ts';
import { constantRanges, type Ranges, RangesBuilder } from './ranges.ts';

/*
 * The search tree of an MMDB is a binary trie: node n has two records, for the next bit 0 and 1.
 * A record below the node count is another node, equal to it "nothing known", above it a pointer
 * into the data. In a tree for IPv6 the IPv4 addresses stand at ::/96:
 *
 *   root ─0─ … 96 zeros … ─> IPv4 start ─> 32 more bits
 *        ─ ::ffff:0:0/96, 2002::/16, 2001::/32 ─> the same node once more, in MaxMind's files
 */

/** What the tree of a database says, family by family. */
export interface WalkedTree {
  /** Values are indexes into `pointers`; value 0 is "nothing known". */
  readonly ranges4: Ranges;
  readonly ranges6: Ranges;
  /** Data pointers as they stand in the tree, each once; `pointers[0]` is 0 for nothing. */
  readonly pointers: readonly number[];
  /** An address of each pointer's first network: its family and words. */
  readonly examples: readonly PointerExample[];
  /** Leaves with data. */
  readonly networks4: number;
  readonly networks6: number;
}

/** The first network that a pointer was found at. */
export interface PointerExample {
  readonly family: Family;
  readonly words: readonly [number, number, number, number];
}

/**
 * Walks the whole tree in address order. IPv4 comes from ::/96; every way from elsewhere to the same
 * nodes is an alias and left out of `ranges6` (see client-map.ts for the addresses behind them).
 *
 * @throws MeridianError E_GEO_DAMAGED on a record that points nowhere, or nodes that form a loop.
 */
export function walkTree(file: MmdbFile): WalkedTree {
  const start4 = file.metadata.ipVersion === 4 ? 0 : ipv4Start(file);
  const walker = new TreeWalker(file, start4);
  const four = walker.walk(4, start4, 32);
  const six =
    file.metadata.ipVersion === 4
      ? { ranges: constantRanges(6), networks: 0 }
      : walker.walk(6, 0, 128);
  return {
    ranges4: four.ranges,
    ranges6: six.ranges,
    pointers: walker.pointers,
    examples: walker.examples,
    networks4: four.networks,
    networks6: six.networks,
  };
}

class TreeWalker {
  readonly #file: MmdbFile;
  readonly #bytes: Buffer;
  readonly #nodeCount: number;
  readonly #maxPointer: number;
  readonly #alias: number;
  readonly #indexOf = new Map<number, number>();
  readonly pointers: number[] = [0];
  readonly examples: PointerExample[] = [{ family: 4, words: [0, 0, 0, 0] }];
  readonly #words: [number, number, number, number] = [0, 0, 0, 0];
  #family: Family = 4;
  #bits = 32;
  #builder = new RangesBuilder(4);
  #networks = 0;
  #visits = 0;

  constructor(file: MmdbFile, start4: number) {
    const { nodeCount, ipVersion, searchTreeSize } = file.metadata;
    this.#file = file;
    this.#bytes = file.bytes;
    this.#nodeCount = nodeCount;
    this.#maxPointer = nodeCount + file.bytes.length - searchTreeSize;
    // A tree without a node for ::/96 has nothing that could be an alias of it.
    this.#alias = ipVersion === 6 && start4 < nodeCount ? start4 : -1;
  }

  walk(family: Family, root: number, bits: number): { ranges: Ranges; networks: number } {
    this.#family = family;
    this.#bits = bits;
    this.#builder = new RangesBuilder(family, 4096);
    this.#networks = 0;
    this.#visits = 0;
    this.#words.fill(0);
    this.#visit(root, 0);
    return { ranges: this.#builder.build(), networks: this.#networks };
  }

  /** Emits everything below a record that was reached after `depth` bits. */
  #visit(record: number, depth: number): void {
    if (record >= this.#nodeCount) {
      this.#leaf(record);
      return;
    }
    if (record === this.#alias && this.#family === 6) {
      this.#emit(0);
      return;
    }
    // Every node has one way to it; more visits than nodes mean that some point back.
    if (depth === this.#bits || ++this.#visits > this.#nodeCount) {
      throw damaged(this.#file.path, `node ${record} of its search tree is part of a loop`);
    }
    this.#visit(readRecord(this.#bytes, this.#file.metadata.recordSize, record, 0), depth + 1);
    const word = depth >>> 5;
    const bit = (1 << (31 - (depth & 31))) >>> 0;
    this.#words[word]! += bit;
    this.#visit(readRecord(this.#bytes, this.#file.metadata.recordSize, record, 1), depth + 1);
    this.#words[word]! -= bit;
  }

  #leaf(record: number): void {
    if (record === this.#nodeCount) {
      this.#emit(0);
      return;
    }
    let index = this.#indexOf.get(record);
    if (index === undefined) {
      if (record < this.#nodeCount + separatorBytes || record >= this.#maxPointer) {
        throw damaged(this.#file.path, 'a record of its search tree points outside of the data');
      }
      index = this.pointers.push(record) - 1;
      this.#indexOf.set(record, index);
      this.examples.push({ family: this.#family, words: [...this.#words] });
    }
    this.#networks++;
    this.#emit(index);
  }

  #emit(value: number): void {
    const [w0, w1, w2, w3] = this.#words;
    this.#builder.push(w0, w1, w2, w3, value);
  }
}

/** The record that ::/96 leads to: a node, or a leaf above it. */
function ipv4Start(file: MmdbFile): number {
  const { nodeCount, recordSize } = file.metadata;
  let record = 0;
  for (let depth = 0; depth < 96 && record < nodeCount; depth++) {
    record = readRecord(file.bytes, recordSize, record, 0);
  }
  return record;
}

/** Reads one of a node's two records (MaxMind DB format 2.0, "Node Layout"). */
function readRecord(bytes: Buffer, recordSize: number, node: number, side: 0 | 1): number {
  if (recordSize === 24) {
    const at = node * 6 + side * 3;
    return (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
  }
  if (recordSize === 28) {
    const at = node * 7;
    const middle = bytes[at + 3]!;
    if (side === 0) {
      return ((middle & 0xf0) << 20) | (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    }
    return (
      ((middle & 0x0f) << 24) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 8) | bytes[at + 6]!
    );
  }
  return bytes.readUInt32BE(node * 8 + side * 4);
}
