import type { Problem } from '../base/errors.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';

/**
 * The objects whose versions make up the configuration. Ids:
 * zone `example.com.`; rrset `example.com./www.example.com./A`; region, monitor, service and agent
 * their names; network its prefix; token 16 hex digits.
 *
 * Bodies are JSON text in the operator's form: `{}` for a zone; `{"ttl":300,"values":["192.0.2.1"]}`
 * or `{"ttl":30,"steer":"web"}` for an rrset; the API's object for the others.
 */
export type ObjectKind =
  | 'zone'
  | 'rrset'
  | 'region'
  | 'monitor'
  | 'service'
  | 'network'
  | 'agent'
  | 'token';

/** One object before and after; null is absence. Revisions are lists of these. */
export interface ObjectChange {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** An rrset as the configuration holds it: its owner in lower case, its zone and owner as keys. */
export interface RRsetValue {
  readonly kind: 'rrset';
  readonly zone: NameKey;
  readonly owner: NameKey;
  readonly rrset: RRset;
}

/** A wish: this object shall have this body. */
export interface ObjectWrite {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly body: string | null;
  /** `file:line` that the wish was read from; problems name it instead of the object's path. */
  readonly where?: string;
  /**
   * What the body says, where the writer has it: then id and body are in their one form, and are not
   * read again. It costs more to read a million records than to check, compile and store them.
   */
  readonly value?: RRsetValue;
  /**
   * Of a zone that is not there yet, all that it shall hold, checked as a file is: its rrsets are then
   * not written one by one.
   */
  readonly content?: Zone;
}

/** One accepted change of configuration: numbered, never edited. */
export interface Revision {
  /** 1, 2, 3 … */
  readonly number: number;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Who: a token's name, `files`, `start`, `expiry`, `cli`. */
  readonly actor: string;
  /** One line: `PUT /v1/regions/eu-west`. */
  readonly summary: string;
  readonly changes: readonly ObjectChange[];
  /** SHA-256 over the previous revision's hash and this one's content, hex. */
  readonly hash: string;
}

/** How a write is to be made. */
export interface ApplyOptions {
  readonly actor: string;
  readonly summary: string;
  /** Objects whose current ETag must be the one given (`*`: must exist; null: must not exist). */
  readonly preconditions?: readonly Precondition[];
  /** Work out everything, keep nothing. */
  readonly dryRun?: boolean;
  /** The same key and request within a day give the first answer again. */
  readonly idempotencyKey?: string;
}

export interface Precondition {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly etag: string | null;
}

export interface ApplyResult {
  /** The new revision; the current one when nothing changed or for a dry run. */
  readonly revision: number;
  readonly changes: readonly ObjectChange[];
  readonly warnings: readonly Problem[];
  /** For a dry run: how answers would move, per service. */
  readonly traffic?: readonly TrafficShift[];
}

/** Share of clients (0 to 1, by population) per member before and after a change. */
export interface TrafficShift {
  readonly service: string;
  readonly member: string;
  readonly before: number;
  readonly after: number;
}
