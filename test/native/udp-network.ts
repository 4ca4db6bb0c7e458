/** Addresses that the tests of UDP backends serve and ask from. */
export interface TestNetwork {
  readonly server: string;
  /** A second address of the server's side, that a wildcard keeps apart; undefined without one. */
  readonly second: string | undefined;
  readonly client: string;
  readonly server6: string;
  readonly client6: string;
}

const loopback: TestNetwork = {
  server: '127.0.0.1',
  second: '127.0.0.2',
  client: '127.0.0.1',
  server6: '::1',
  client6: '::1',
};

/** The two ends of a pair of virtual Ethernet interfaces; see veth-network.ts. */
export const vethNetwork: TestNetwork = {
  server: '10.99.0.1',
  second: '10.99.0.3',
  client: '10.99.0.2',
  server6: 'fd99::1',
  client6: 'fd99::2',
};

/** Set in processes whose network veth-network.ts has made. */
export const vethVariable = 'MERIDIAN_TEST_VETH';

export const network: TestNetwork = process.env[vethVariable] ? vethNetwork : loopback;

/** An IPv4 address as a word of `peers`. */
export function ipv4Word(host: string): number {
  return host.split('.').reduce((word, octet) => (word << 8) | Number(octet), 0);
}

/** The words of `peers` that an IPv6 address of the form `head::tail` takes. */
export function ipv6Words(host: string): number[] {
  const [head = '', tail = ''] = host.split('::');
  return [Number.parseInt(head || '0', 16) << 16, 0, 0, Number.parseInt(tail, 16)];
}
