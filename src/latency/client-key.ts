import { formatPrefix, maskIp, parseIp, parsePrefix } from '../base/ip.ts';
import { parseIpv4 } from '../base/parse-address.ts';

/** A group of clients that is measured together; a region's series stand under its text. */
export type ClientKey =
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'asn'; readonly asn: number }
  | { readonly kind: 'country'; readonly country: string };

/** Whose time a measurement is: exactly one of the four. */
export interface ClientsOf {
  /** Any of the others in one text, as compact forms have it: `203.0.113.0/24`, `AS64500`, `IN`. */
  readonly clients?: string | undefined;
  /** A prefix or an address; finer than /24 or /56 is widened to that. */
  readonly prefix?: string | undefined;
  readonly asn?: number | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country?: string | undefined;
}

/** Finer prefixes are widened to these: resolvers send no more, and caches keep no finer answers. */
const finest = { 4: 24, 6: 56 } as const;

/**
 * Reads whose clients a measurement speaks of; undefined unless exactly one of the four is there and
 * well formed. A bare address means its /24 or /56, and finer prefixes are widened to that.
 */
export function readClientKey(of: ClientsOf): ClientKey | undefined {
  const given = [of.clients, of.prefix, of.asn, of.country].filter((value) => value !== undefined);
  if (given.length !== 1) return undefined;
  if (of.clients !== undefined) return readClientKey(byShape(of.clients));
  if (of.prefix !== undefined) {
    const prefix = widen(of.prefix);
    return prefix === undefined ? undefined : { kind: 'prefix', prefix };
  }
  if (of.asn !== undefined) {
    const valid = Number.isInteger(of.asn) && of.asn > 0 && of.asn <= 0xffff_ffff;
    return valid ? { kind: 'asn', asn: of.asn } : undefined;
  }
  const country = of.country?.toUpperCase();
  if (country === undefined || !/^[A-Z]{2}$/.test(country)) return undefined;
  return { kind: 'country', country };
}

/** The key as one text: `prefix 192.0.2.0/24`, `asn 64500`, `country IN`. */
export function formatClientKey(key: ClientKey): string {
  switch (key.kind) {
    case 'prefix':
      return `prefix ${key.prefix}`;
    case 'asn':
      return `asn ${key.asn}`;
    case 'country':
      return `country ${key.country}`;
  }
}

/** Texts that were read are remembered up to here; then all are forgotten, which costs little. */
const remembered = 65_536;

/** The texts of client keys; the same clients are measured again and again, and are read once. */
export class CanonicalKeys {
  readonly #prefixes = new Map<string, string>();
  readonly #clients = new Map<string, string>();
  /** By the first 24 bits: addresses themselves are too many to remember. */
  readonly #networks4 = new Map<number, string>();

  /** As `formatClientKey(readClientKey(of))`. */
  of(of: ClientsOf): string | undefined {
    const isPrefixAlone = of.asn === undefined && of.country === undefined;
    if (of.clients !== undefined) {
      if (of.prefix !== undefined || !isPrefixAlone) return undefined;
      return this.#addressed(of.clients) ?? remember(this.#clients, of.clients, of);
    }
    if (of.prefix !== undefined && isPrefixAlone) {
      return this.#addressed(of.prefix) ?? remember(this.#prefixes, of.prefix, of);
    }
    return read(of);
  }

  /** The key of an IPv4 address; undefined for every other text. */
  #addressed(text: string): string | undefined {
    const word = parseIpv4(text);
    if (word < 0) return undefined;
    const network = word >>> 8;
    let key = this.#networks4.get(network);
    if (key === undefined) {
      key = `prefix ${network >>> 16}.${(network >>> 8) & 255}.${network & 255}.0/24`;
      if (this.#networks4.size >= remembered) this.#networks4.clear();
      this.#networks4.set(network, key);
    }
    return key;
  }
}

function remember(known: Map<string, string>, text: string, of: ClientsOf): string | undefined {
  const found = known.get(text);
  if (found !== undefined) return found;
  const key = read(of);
  if (key === undefined) return undefined;
  if (known.size >= remembered) known.clear();
  known.set(text, key);
  return key;
}

function read(of: ClientsOf): string | undefined {
  const key = readClientKey(of);
  return key === undefined ? undefined : formatClientKey(key);
}

function byShape(clients: string): ClientsOf {
  if (/^AS\d{1,10}$/i.test(clients)) return { asn: Number(clients.slice(2)) };
  return /^[A-Z]{2}$/i.test(clients) ? { country: clients } : { prefix: clients };
}

function widen(text: string): string | undefined {
  const prefix = text.includes('/') ? parsePrefix(text) : undefined;
  const address = prefix?.address ?? (text.includes('/') ? undefined : parseIp(text));
  if (address === undefined) return undefined;
  const length = Math.min(prefix?.length ?? 128, finest[address.family]);
  return formatPrefix({ address: maskIp(address, length), length });
}
