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
