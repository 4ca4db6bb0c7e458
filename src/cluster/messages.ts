import { hash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { limits } from '../base/limits.ts';
import type { ReplicatedRevision } from '../control/replication.ts';
import type { ClusterKeys } from './keys.ts';
import type { Position } from './position.ts';

/*
 * A signed message:
 *
 *   0   1        form: 1 = JSON text, 2 = the same, gzipped, 3 = JSON text and octets
 *   1   64       Ed25519 signature over: `meridian NAME KIND FORM\n`, then the payload as it stands
 *                (form 3: its SHA-256)
 *   65  …        payload; of form 3: length (4, little-endian) of the text, text, then the same of
 *                each row of octets
 *
 * What is signed is the bytes that travel, so that nothing depends on how JSON is written. The
 * cluster's name and the kind are signed with them: a message is of no use in another place.
 */

/** A revision in the log. One too large for an entry stands in chunks that the entry names. */
export type RevisionMessage =
  | { readonly kind: 'revision'; readonly term: number; readonly revision: ReplicatedRevision }
  | {
      readonly kind: 'large';
      readonly term: number;
      readonly number: number;
      readonly previousHash: string;
      readonly hash: string;
      readonly parts: ChunkList;
    };

/** A new leader's first word: the history up to `number`, ending in `hash`, is confirmed under `term`. */
export interface TermMessage {
  readonly kind: 'term';
  readonly term: number;
  readonly number: number;
  readonly hash: string;
  /** Who leads, for people. */
  readonly holder: string;
}

export type LogMessage = RevisionMessage | TermMessage;

/** Bytes in chunks: where they lie, and what each must hash to. */
export interface ChunkList {
  readonly group: string;
  /** SHA-256 of each chunk as it stands on the bus, hex. */
  readonly hashes: readonly string[];
}

/** What a full snapshot consists of. Its chunks hold lines of JSON (snapshot.ts), gzipped. */
export interface SnapshotManifest {
  readonly kind: 'snapshot';
  readonly position: Position;
  /** Hash of the revision at `position.sequence`. */
  readonly hash: string;
  readonly objects: number;
  readonly chunks: ChunkList;
}

const formPlain = 1;
const formGzip = 2;
const formParts = 3;
const headBytes = 65;
const lengthBytes = 4;

/** What was in a signed message. */
export interface Opened {
  readonly value: unknown;
  /** Views into the message. */
  readonly octets: readonly Uint8Array[];
}

/** What a signed message is for; part of what is signed. */
export type MessageKind =
  | 'log'
  | 'snapshot'
  | 'health'
  | 'latency'
  | 'reports'
  | 'samples'
  | 'beats'
  | 'acks';

/** Signs and opens a cluster's messages. */
export class Envelope {
  readonly #cluster: string;
  readonly #keys: ClusterKeys;

  /** `cluster` is the cluster's name. */
  constructor(cluster: string, keys: ClusterKeys) {
    this.#cluster = cluster;
    this.#keys = keys;
  }

  /** True when this process holds the private key. */
  get canSign(): boolean {
    return this.#keys.sign !== undefined;
  }

  /**
   * Signs any JSON value, and rows of octets beside it. Throws (a bug) where the private key is missing.
   */
  seal(kind: MessageKind, value: unknown, octets: readonly Uint8Array[] = []): Uint8Array {
    if (this.#keys.sign === undefined) throw new Error('only controllers hold the private key');
    const text = Buffer.from(JSON.stringify(value), 'utf8');
    const isLong = text.length > limits.plainMessageBytes;
    const form = octets.length > 0 ? formParts : isLong ? formGzip : formPlain;
    const payload =
      form === formParts
        ? joinParts([text, ...octets])
        : form === formGzip
          ? gzipSync(text, { level: 1 })
          : text;
    const signature = this.#keys.sign(this.#signed(kind, form, payload));
    return Buffer.concat([Uint8Array.of(form), signature, payload]);
  }

  /**
   * The value in a message; undefined when it is not signed by the cluster for this use, or is too
   * large or malformed. Never throws.
   */
  open(kind: MessageKind, bytes: Uint8Array): unknown {
    return this.openAll(kind, bytes)?.value;
  }

  /** As `open`, with the octets beside the value. */
  openAll(kind: MessageKind, bytes: Uint8Array): Opened | undefined {
    const form = bytes[0];
    if (bytes.length <= headBytes) return undefined;
    if (form !== formPlain && form !== formGzip && form !== formParts) return undefined;
    const payload = bytes.subarray(headBytes);
    const signature = bytes.subarray(1, headBytes);
    if (!this.#keys.verify(this.#signed(kind, form, payload), signature)) return undefined;
    try {
      const maxOutputLength = limits.messageInflatedBytes;
      const [text, ...octets] =
        form === formParts
          ? splitParts(payload)
          : [form === formGzip ? gunzipSync(payload, { maxOutputLength }) : payload];
      if (text === undefined) return undefined;
      return { value: JSON.parse(Buffer.from(text).toString('utf8')) as unknown, octets };
    } catch {
      return undefined;
    }
  }

  /** A message of the log at a position; undefined as with `open`, or when it belongs elsewhere. */
  openLog(position: Position, bytes: Uint8Array): LogMessage | undefined {
    // What is signed by a controller is well-formed; what matters is that it is not a stranger's.
    const message = this.open('log', bytes) as LogMessage | undefined;
    if (message === undefined) return undefined;
    const number = message.kind === 'revision' ? message.revision.number : message.number;
    const isHere = message.term === position.term && number === position.sequence;
    return isHere ? message : undefined;
  }

  #signed(kind: MessageKind, form: number, payload: Uint8Array): Uint8Array {
    const content = form === formParts ? hash('sha256', payload, 'buffer') : payload;
    return Buffer.concat([Buffer.from(`meridian ${this.#cluster} ${kind} ${form}\n`), content]);
  }
}

function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + lengthBytes + part.length, 0);
  const joined = Buffer.allocUnsafe(length);
  let at = 0;
  for (const part of parts) {
    at = joined.writeUInt32LE(part.length, at);
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Throws where a part is cut. */
function splitParts(joined: Uint8Array): Uint8Array[] {
  const view = new DataView(joined.buffer, joined.byteOffset, joined.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < joined.length; ) {
    const start = at + lengthBytes;
    const end = start + view.getUint32(at, true);
    if (end > joined.length) throw new RangeError('a part is cut');
    parts.push(joined.subarray(start, end));
    at = end;
  }
  return parts;
}
