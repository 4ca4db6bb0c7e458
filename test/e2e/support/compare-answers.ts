import { limits } from '../../../src/base/limits.ts';
import type { Message, ResourceRecord } from '../../../src/wire/message.ts';
import { isAtOrBelow, wireNameKey } from '../../../src/wire/names.ts';
import { rdataNames } from '../../../src/wire/rdata/registry.ts';
import { typeName } from '../../../src/wire/type-names.ts';
import { rcodes, rrTypes } from '../../../src/wire/types.ts';

/**
 * A record as text that is equal for equal records: names compare without case (RFC 4343), also inside
 * rdata, which some servers keep in lower case.
 */
export function recordKey(record: ResourceRecord): string {
  return `${wireNameKey(record.name)} ${record.ttl} ${typeName(record.type)} ${rdataKey(record)}`;
}

function rdataKey({ type, rdata }: ResourceRecord): string {
  const bytes = Buffer.from(rdata);
  for (const { at, bytes: nameBytes } of rdataNames(type, rdata)) {
    for (let offset = at; offset < at + nameBytes; offset += 1) {
      const octet = bytes[offset] ?? 0;
      if (octet >= 0x41 && octet <= 0x5a) bytes[offset] = octet | 0x20;
    }
  }
  return bytes.toString('hex');
}

function keys(records: readonly ResourceRecord[]): string[] {
  return records.map(recordKey).sort();
}

/** Records of `a` that are not in `b`. */
function without(a: readonly string[], b: readonly string[]): string[] {
  const known = new Set(b);
  return a.filter((key) => !known.has(key));
}

/** What a response is, by its header and what its sections hold (RFC 2308 §2). */
export function kindOf({ rcode, flags, questions, answers, authorities }: Message): string {
  if (flags.tc === true) return 'truncated';
  if (rcode !== 0) return rcode === 3 ? 'nxdomain' : `rcode ${rcode}`;
  const last = answers.at(-1);
  const asked = questions[0]?.type;
  const isChain = last?.type === rrTypes.CNAME && asked !== last.type && asked !== rrTypes.ANY;
  if (last !== undefined && !isChain) return 'positive';
  if (authorities.some(({ type }) => type === rrTypes.SOA)) return 'nodata';
  if (authorities.some(({ type }) => type === rrTypes.NS)) return 'referral';
  return isChain ? 'positive' : 'empty';
}

/** What a server does in its own way. */
export interface Habits {
  /** How many CNAMEs it follows at most, where that is fewer than we do. */
  readonly aliases?: number;
  /** It says NXDOMAIN where RFC 6672 §2.2 wants YXDOMAIN, for a name that a DNAME makes too long. */
  readonly noYxdomain?: boolean;
}

/** What is known of the zones that both servers serve. */
export interface Truth {
  /** `recordKey` of every record of the zones; what stands in an additional section is one of them. */
  readonly records: ReadonlySet<string>;
  /** What the other server is known to do otherwise. */
  readonly habits: Habits;
  /** Owner name key → its address records' keys. */
  readonly addresses: ReadonlyMap<string, readonly string[]>;
}

/**
 * Compares what Meridian answered with another server's answer; returns each difference as a sentence.
 * What may differ is said here and nowhere else:
 *
 * - Authority of positive answers: NS is optional there (RFC 1034 §4.3.2 asks for it in no step).
 * - Additional section: what is beyond the glue of a referral is optional (RFC 1034 §3.7, RFC 9471 §3);
 *   what we put there must be true.
 * - A chain of aliases ends at a cap (`limits.cnameChain`, or theirs); resolvers ask on from there.
 * - A truncated answer's sections: nobody may use them (RFC 2181 §9); compare over TCP as well.
 */
export function differences(ours: Message, theirs: Message, known: Truth): string[] {
  const found: string[] = [];
  const say = (what: string, mine: unknown, other: unknown) => {
    if (mine !== other) found.push(`${what}: ours ${mine}, theirs ${other}`);
  };
  const [mine, other] = [keys(ours.answers), keys(theirs.answers)];
  const { aliases, noYxdomain } = known.habits;
  if (noYxdomain === true && ours.rcode === rcodes.YXDOMAIN && theirs.rcode === rcodes.NXDOMAIN) {
    return [...without(mine, other), ...without(other, mine)];
  }
  if (aliasesOf(theirs) === aliases && aliasesOf(ours) >= aliases) {
    return without(other, mine).map((key) => `answer lacks ${key}`);
  }
  if (aliasesOf(ours) > limits.cnameChain) {
    return without(mine, other).map((key) => `answer has ${key}`);
  }
  say('RCODE', ours.rcode, theirs.rcode);
  say('AA', ours.flags.aa === true, theirs.flags.aa === true);
  say('TC', ours.flags.tc === true, theirs.flags.tc === true);
  for (const flag of ['ra', 'z', 'ad', 'cd'] as const) {
    if (ours.flags[flag] === true) found.push(`${flag.toUpperCase()} is set`);
  }
  if (ours.flags.tc === true) return found;
  say('kind', kindOf(ours), kindOf(theirs));
  found.push(...without(other, mine).map((key) => `answer lacks ${key}`));
  found.push(...without(mine, other).map((key) => `answer has ${key}`));
  if (mine.length !== new Set(mine).size) found.push('a record stands twice in the answer');
  if (!isInOrder(ours)) found.push('a CNAME stands behind what it leads to');
  found.push(...compareAuthority(ours, theirs));
  found.push(...checkAdditional(ours, known));
  return found;
}

function aliasesOf({ answers }: Message): number {
  return answers.filter(({ type }) => type === rrTypes.CNAME).length;
}

/** A chain reads from the question on (RFC 1034 §4.3.2 step 3a; many resolvers depend on it). */
function isInOrder({ questions, answers }: Message): boolean {
  const seen = new Set(questions.map(({ name }) => wireNameKey(name)));
  return answers.every(({ name, type, rdata }) => {
    if (type === rrTypes.CNAME) {
      const isNext = seen.has(wireNameKey(name));
      seen.add(wireNameKey(rdata));
      return isNext;
    }
    return type === rrTypes.DNAME || seen.has(wireNameKey(name));
  });
}

function compareAuthority(ours: Message, theirs: Message): string[] {
  const kind = kindOf(theirs);
  const [mine, other] = [keys(ours.authorities), keys(theirs.authorities)];
  const extra = without(mine, other).map((key) => `authority has ${key}`);
  if (kind === 'positive') return extra;
  return [...extra, ...without(other, mine).map((key) => `authority lacks ${key}`)];
}

/** Glue of a referral is all there (RFC 9471 §3.1), and whatever else stands there is true. */
function checkAdditional(ours: Message, known: Truth): string[] {
  const mine = keys(ours.additionals);
  const found = mine
    .filter((key) => !known.records.has(key))
    .map((key) => `additional has ${key}, which is in no zone`);
  if (kindOf(ours) !== 'referral') return found;
  for (const { name, type, rdata } of ours.authorities) {
    if (type !== rrTypes.NS || !isAtOrBelow(wireNameKey(rdata), wireNameKey(name))) continue;
    const glue = known.addresses.get(wireNameKey(rdata)) ?? [];
    found.push(...without(glue, mine).map((key) => `glue lacks ${key}`));
  }
  return found;
}
