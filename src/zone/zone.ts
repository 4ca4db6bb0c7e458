import type { Problem } from '../base/errors.ts';

/**
 * An absolute owner name in presentation form, lower case (ASCII only), escapes normalised, with its
 * final dot: `www.example.com.`. The key by which zones find names; `wire/names.ts` makes it.
 */
export type NameKey = string;

/**
 * All records of one owner and type (RFC 2181 §5): one TTL, no duplicates.
 * Its properties may be getters that work on demand: keep what you use twice, and name the
 * properties when you make another from it (`{ ...rrset }` would lose them).
 */
export interface RRset {
  /** Absolute presentation form in the case that was written first. */
  readonly owner: string;
  /** Type number; `STEER` (65536) for the pseudo-record, whose rdata is the service's name in UTF-8. */
  readonly type: number;
  /** Seconds; `undefined` only for a STEER without a TTL of its own: the service's counts. */
  readonly ttl: number | undefined;
  /** Uncompressed wire rdata, in the order written. Names inside keep their case. */
  readonly rdatas: readonly Uint8Array[];
  /** `file:line` of the first record, where it came from a file. */
  readonly where?: string | undefined;
}

/**
 * One version of one zone, never edited in place: a change makes a new Zone that shares what stayed.
 *
 *   nodes: Map  "example.com."      -> Map { SOA -> RRset, NS -> RRset, STEER -> RRset }
 *               "www.example.com."  -> Map { A -> RRset }
 *
 * Names that own no records (empty non-terminals) are not in `nodes`; whoever needs them derives them.
 */
export interface Zone {
  readonly origin: NameKey;
  readonly nodes: ReadonlyMap<NameKey, ReadonlyMap<number, RRset>>;
}

/** What reading zone text gave; `zone` is there only when no problem is worse than a warning. */
export interface ZoneReading {
  readonly zone?: Zone;
  readonly problems: readonly Problem[];
}
