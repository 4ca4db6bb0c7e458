/** An address to serve DNS on; UDP and TCP alike. */
export interface ListenAddress {
  /** An IPv4 or IPv6 address; `0.0.0.0` and `::` stand for all of the machine's. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/** True when a socket on `::` must leave IPv4 to another socket of the list. */
export function isIpv6Only(address: ListenAddress, all: readonly ListenAddress[]): boolean {
  return (
    address.host !== '::' ||
    all.some((other) => !other.host.includes(':') && other.port === address.port)
  );
}

/** `192.0.2.1:53` or `[2001:db8::1]:53`. */
export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * True when one socket cannot stand beside the other: the same port of the same address, or of all
 * of its family. (`::` leaves IPv4 to others, see `isIpv6Only`.)
 */
export function overlap(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  const isV6 = one.host.includes(':');
  if (isV6 !== other.host.includes(':')) return false;
  const all = isV6 ? '::' : '0.0.0.0';
  return one.host === other.host || one.host === all || other.host === all;
}
