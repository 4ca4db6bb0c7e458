/**
 * Where everything stands inside zone segments and the zone index. This file alone knows offsets;
 * compilers and views import them. A "word" is 4 bytes in the machine's own byte order; offsets into
 * a segment are in words unless their name ends in `Bytes`. Names are lower-case wire names padded
 * with zeros to whole words.
 *
 * Zone segment (one per zone):
 *
 *   header ──┬─ tableMask, apexNode, negativeTemplate, maxLabels …
 *   directory│  page, page, page …                        right behind the header
 *            │
 *   pages    │  [hash, node] [0, 0] [hash, node] …        one table, in pages of 1024 entries: open
 *            │                                            addressing, at most half full when compiled
 *   nodes    │  ┌ hash │ nameBytes │ flags │ cover │ wildcard │ service │ steerTtl │ rrsets ┐
 *            │  ├ type, template │ type, template │ …           sorted by type              │
 *            │  └ name …                                                                    ┘
 *            │     one per name that exists, empty non-terminals included
 *            │
 *   templates   ┌ sections │ glue │ coreBytes │ requiredBytes │ ownerBytes │ fixups │ chunks ┐
 *               ├ fixup …            where in the body, and how it moves                     │
 *               ├ chunk …            bytes and records of each optional RRset                │
 *               └ body …             answer, authority, in-domain glue │ optional RRsets     ┘
 *
 * Several versions of a large zone share a buffer: each has a header and directory of its own, leads to
 * the pages and nodes that it shares with the one before, and to its own behind them (patch-zone.ts).
 * What is written is never changed.
 *
 * Zone index (one per image):
 *
 *   header ── tableMask, tableStart, minLabels, maxLabels
 *   table     [hash, entry] …
 *   entries   zone slot │ nameBytes │ name …
 */

/** "MZS2" and "MZI1": what the first word of a header says it is. */
export const zoneMagic = 0x4d5a5332;
export const indexMagic = 0x4d5a4931;

/** Words of a zone segment's header. */
export const zoneHeader = {
  magic: 0,
  /** Entries of the table less one; their number is a power of two. */
  tableMask: 1,
  /** Entries of the table that are not empty: those of names, and those of names that are gone. */
  entryCount: 2,
  nameCount: 3,
  /** Labels of the deepest name, the root not counted. */
  maxLabels: 4,
  apexNode: 5,
  /** The SOA as it stands in negative answers (RFC 2308 §3). */
  negativeTemplate: 6,
  originBytes: 7,
  words: 8,
} as const;

/**
 * The table of a zone is cut into pages of 2^10 entries, so that a version of a large zone copies those
 * that it changes: 8 KB each, beside 8 KB for the directory of a million names.
 */
export const pageBits = 10;

/** Number of an entry within its page. */
export const pageMask = (1 << pageBits) - 1;

/**
 * The node of an entry whose name is gone; its hash is 0, which no name has, so that a search goes on
 * behind it and never looks at the node.
 */
export const goneNode = 1;

/** Words of a node. */
export const node = {
  hash: 0,
  nameBytes: 1,
  /** Bits of `nodeFlags`. */
  flags: 2,
  /** The topmost zone cut at or above, or DNAME owner above; 0 when nothing covers the name. */
  cover: 3,
  /** The node of `*.<name>`, the source of synthesis (RFC 4592 §3.3.1); 0 when there is none. */
  wildcard: 4,
  /** Service slot, or -1. */
  service: 5,
  /** Seconds, or -1 where the service's TTL counts. */
  steerTtlSeconds: 6,
  /** Entries of the directory that follows: type and template. */
  rrsetCount: 7,
  words: 8,
} as const;

/** What a node is besides the owner of RRsets. */
export const nodeFlags = {
  /** Owns a CNAME: every type but CNAME itself and ANY follows it. */
  cname: 1,
  /** Owns a DNAME: names below are redirected. */
  dname: 2,
  /** Owns an NS RRset and is not the apex. */
  cut: 4,
} as const;

/**
 * Types in a directory beyond the 16 bits of the wire. A cut keeps its referral under NS; where it
 * has a DS and the zone is signed, the referral with DS for queries with DO (RFC 4035 §3.1.4) under
 * this.
 */
export const referralWithDs = 0x1_0001;

/** Words of a template. */
export const template = {
  /** Answer records, and authority records × 65,536. */
  sections: 0,
  /** Records of in-domain glue (RFC 9471 §3.1). */
  glueCount: 1,
  /** Answer and authority. */
  coreBytes: 2,
  /** Answer, authority and in-domain glue. More than 65,535: fits no message, and has no body. */
  requiredBytes: 3,
  /** Length of the owner name that the template was compiled with, at offset 12. */
  ownerBytes: 4,
  fixupCount: 5,
  chunkCount: 6,
  words: 7,
} as const;

/** Where a template is compiled to stand: the owner name follows the header. */
export const ownerAt = 12;

/** Octets of QTYPE and QCLASS between the owner name and the template. */
export const questionTailBytes = 4;

/**
 * How a compression pointer moves when the template does not stand where it was compiled to. A fixup
 * word is its place in the body, and the kind × 65,536; fixups are sorted by place.
 */
export const fixupKinds = {
  /** Points at the owner's first octet. */
  owner: 0,
  /** Points at a label inside the owner: moves with the owner's end. */
  suffix: 1,
  /** Points into the template itself. */
  body: 2,
} as const;

/**
 * The last place in a body that pointers may point at. Pointers reach 0x3FFF; the rest is kept for
 * what may stand before a template: the question and a chain of limits.cnameChain redirections, each
 * a DNAME and a CNAME of at most 267 octets, 4.6 KB together.
 */
export const maxPointedAt = 0x3fff - 6 * 1024;

/** A body must fit the message with room for header, question and OPT. */
export const maxBodyBytes = 65_535;

/** Words of the zone index's header. */
export const indexHeader = {
  magic: 0,
  tableMask: 1,
  tableStart: 2,
  zoneCount: 3,
  minLabels: 4,
  maxLabels: 5,
  words: 6,
} as const;

/** Words of an entry of the zone index. */
export const indexEntry = { slot: 0, nameBytes: 1, words: 2 } as const;
