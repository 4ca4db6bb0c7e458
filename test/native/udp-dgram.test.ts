import { networkInterfaces } from 'node:os';
import { testUdpBackend } from './udp-backend-contract.ts';

// Only addresses that the machine lists get a socket beside the wildcard's; 127.0.0.2 is not listed.
const secondAddress = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

testUdpBackend('dgram', { secondAddress, countsDrops: false });
