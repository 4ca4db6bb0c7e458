/**
 * Makes a pair of virtual Ethernet interfaces in this process's own network namespace, and routes what
 * goes from one's addresses to the other's over the wire instead of loopback: a network of two
 * machines in one process. Needs root and iproute2.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { vethNetwork } from './udp-network.ts';

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

interface End {
  readonly device: string;
  readonly mac: string;
  readonly addresses: readonly string[];
}

const isV6 = (address: string) => address.includes(':');
const family = (address: string) => (isV6(address) ? '-6' : '-4');

function pair(a: End, b: End, mtu: number, tables: readonly [number, number]): void {
  const side = ({ device, mac }: End) => ['name', device, 'address', mac, 'mtu', `${mtu}`];
  const queues = ['numrxqueues', '2', 'numtxqueues', '2'];
  ip('link', 'add', ...side(a), ...queues, 'type', 'veth', 'peer', ...side(b), ...queues);
  for (const { device, addresses } of [a, b]) {
    const settings = `/proc/sys/net/ipv4/conf/${device}`;
    writeFileSync(`${settings}/accept_local`, '1');
    writeFileSync(`${settings}/rp_filter`, '0');
    ip('link', 'set', device, 'up');
    for (const version of ['-4', '-6']) {
      ip(version, 'rule', 'add', 'pref', '1', 'iif', device, 'lookup', 'local');
    }
    for (const address of addresses) {
      const rest = isV6(address) ? ['nodad'] : [];
      ip('addr', 'add', `${address}/${isV6(address) ? 128 : 32}`, 'dev', device, ...rest);
    }
  }
  for (const [near, far, table] of [
    [a, b, `${tables[0]}`] as const,
    [b, a, `${tables[1]}`] as const,
  ]) {
    for (const address of far.addresses) {
      const version = family(address);
      ip(version, 'route', 'add', address, 'dev', near.device, 'table', table);
      ip(version, 'rule', 'add', 'pref', '10', 'to', address, 'lookup', table);
      ip('neigh', 'add', address, 'lladdr', far.mac, 'dev', near.device, 'nud', 'permanent');
    }
  }
}

/** The ends of a second pair, whose frames are too short for long answers. */
export const narrow = { server: '10.98.0.1', client: '10.98.0.2' } as const;

/** Makes the network; the interfaces are those of `vethNetwork` and `narrow`. */
export function makeVethNetwork(): void {
  const { server, second = '', client, server6, client6 } = vethNetwork;
  writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '0');
  ip('link', 'set', 'lo', 'up');
  pair(
    { device: 'va', mac: '02:00:00:00:00:01', addresses: [server, second, server6] },
    { device: 'vb', mac: '02:00:00:00:00:02', addresses: [client, client6] },
    1500,
    [100, 101],
  );
  pair(
    { device: 'na', mac: '02:00:00:00:00:03', addresses: [narrow.server] },
    { device: 'nb', mac: '02:00:00:00:00:04', addresses: [narrow.client] },
    600,
    [102, 103],
  );
  // Local addresses come after the rules above, so that they do not short-circuit the wire.
  for (const version of ['-4', '-6']) {
    ip(version, 'rule', 'add', 'pref', '100', 'lookup', 'local');
    ip(version, 'rule', 'del', 'pref', '0');
  }
}
