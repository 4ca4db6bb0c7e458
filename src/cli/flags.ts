import { InvalidArgumentError } from 'commander';
import { formatIp, parseIp } from '../base/ip.ts';

/** Where to listen: an IP address without brackets, and a port (0: any free one). */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** One `--geo KIND=FILE`. */
export interface GeoFlag {
  readonly kind: 'city' | 'country' | 'asn';
  readonly path: string;
}

/** Reads `ADDR:PORT`, with an IPv6 address in brackets. */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const ip = parseIp(match?.[1] ?? match?.[2] ?? '');
  const port = Number(match?.[3]);
  if (ip === undefined || port > 65_535) {
    throw new InvalidArgumentError(
      `"${text}" is not ADDR:PORT; write an IP address and a port, as 192.0.2.53:53 or [2001:db8::53]:53`,
    );
  }
  // In its one usual form, so that `[0::0]` is known to be all addresses.
  return { host: formatIp(ip), port };
}

/** Prints an endpoint as `parseEndpoint` reads it. */
export function formatEndpoint(endpoint: Endpoint): string {
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port}`;
}

/** For options that may be given several times. */
export function collect<Value>(parse: (text: string) => Value) {
  return (text: string, before: readonly Value[] | undefined): readonly Value[] => [
    ...(before ?? []),
    parse(text),
  ];
}

/** Reads `KIND=FILE`. */
export function parseGeoFlag(text: string): GeoFlag {
  const equals = text.indexOf('=');
  const kind = text.slice(0, equals);
  const path = text.slice(equals + 1);
  if (equals < 0 || path === '' || (kind !== 'city' && kind !== 'country' && kind !== 'asn')) {
    throw new InvalidArgumentError(
      `"${text}" is not KIND=FILE; KIND is city, country or asn, as city=geodata/GeoLite2-City.mmdb`,
    );
  }
  return { kind, path };
}

/** Reads a whole number within bounds. */
export function parseCount(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`"${text}" is not a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

/** Reads a text of 1 to `most` octets, which is as long as an answer can hold it. */
export function parseText(most: number) {
  return (text: string): string => {
    const bytes = Buffer.byteLength(text);
    if (bytes < 1 || bytes > most) {
      throw new InvalidArgumentError(`the text has ${bytes} octets; use 1 to ${most}`);
    }
    return text;
  };
}
