import { formatPrefix, maskIp, parseIp, parsePrefix } from '../base/ip.ts';

/** A group of clients that is measured together; a region's series stand under its text. */
export type ClientKey =
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'asn'; readonly asn: number }
  | { readonly kind: 'country'; readonly country: string };

/** Finer prefixes are widened to these: resolvers send no more, and caches keep no finer answers. */
const finest = { 4: 24, 6: 56 } as const;

/**
 * Reads whose clients a measurement speaks of; undefined unless exactly one of the three is there and
 * well formed. A bare address means its /24 or /56, and finer prefixes are widened to that.
 */
export function readClientKey(of: {
  readonly prefix?: string | undefined;
  readonly asn?: number | undefined;
  readonly country?: string | undefined;
}): ClientKey | undefined {
  const given = [of.prefix, of.asn, of.country].filter((value) => value !== undefined);
  if (given.length !== 1) return undefined;
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

function widen(text: string): string | undefined {
  const prefix = text.includes('/') ? parsePrefix(text) : undefined;
  const address = prefix?.address ?? (text.includes('/') ? undefined : parseIp(text));
  if (address === undefined) return undefined;
  const length = Math.min(prefix?.length ?? 128, finest[address.family]);
  return formatPrefix({ address: maskIp(address, length), length });
}
