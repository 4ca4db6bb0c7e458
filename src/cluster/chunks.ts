import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { limits } from '../base/limits.ts';
import type { Bus } from './bus.ts';
import type { ChunkList } from './messages.ts';

/*
 * Long texts on the bus: lines, gathered to about `limits.chunkBytes`, each chunk gzipped by itself.
 * A signed message names the group and what each chunk hashes to, so that chunks need no signature.
 */

/** Puts lines into the chunks of a group. */
export class ChunkWriter {
  readonly #bus: Bus;
  readonly #group: string;
  readonly #hashes: string[] = [];
  #lines: string[] = [];
  #chars = 0;

  constructor(bus: Bus, group: string) {
    this.#bus = bus;
    this.#group = group;
  }

  /** Adds a value as one line of JSON. Rejects with the bus's error. */
  async add(value: unknown): Promise<void> {
    const line = JSON.stringify(value);
    this.#lines.push(line);
    this.#chars += line.length;
    if (this.#chars >= limits.chunkBytes) await this.#flush();
  }

  /** Puts what is left; what a signed message then has to name. */
  async finish(): Promise<ChunkList> {
    if (this.#lines.length > 0) await this.#flush();
    return { group: this.#group, hashes: this.#hashes };
  }

  async #flush(): Promise<void> {
    const bytes = gzipSync(this.#lines.join('\n'), { level: 1 });
    this.#lines = [];
    this.#chars = 0;
    const index = this.#hashes.push(hashOf(bytes)) - 1;
    await this.#bus.putChunk(this.#group, index, bytes);
  }
}

/** The bytes of a group are not, or no longer, what they should be. */
export class ChunkMissing extends Error {}

/**
 * Reads the lines of a group back, a chunk's at a time, as the values they stand for. Throws
 * ChunkMissing when a chunk is gone or is not what was signed, BusError when the bus fails.
 */
export async function* readChunks(bus: Bus, list: ChunkList): AsyncGenerator<unknown[]> {
  for (const [index, hash] of list.hashes.entries()) {
    const bytes = await bus.chunk(list.group, index);
    if (bytes === undefined || hashOf(bytes) !== hash) {
      throw new ChunkMissing(`chunk ${index} of ${list.group} is missing or damaged`);
    }
    const text = gunzipSync(bytes, { maxOutputLength: limits.messageInflatedBytes }).toString();
    yield text.split('\n').map((line) => JSON.parse(line) as unknown);
  }
}

function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
