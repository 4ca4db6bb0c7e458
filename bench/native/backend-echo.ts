// Sets the QR bit and sends the packet back, through a UDP backend: `backend-echo.ts batch|dgram`.

import { createUdpMemory } from '../../native/udp_batch/udp-memory.ts';
import { openUdpBackend, type UdpIo } from '../../src/server/open-udp.ts';

const [io = 'batch', hosts = '127.0.0.1'] = process.argv.slice(2);
const backend = await openUdpBackend(io as UdpIo, {
  addresses: hosts.split(',').map((host) => ({ host, port: 0 })),
  memory: createUdpMemory(1232),
});
const { bytes } = backend.views;
process.stdout.write(`${backend.addresses[0]?.port}\n`);
await backend.serve({
  answer: (at, length) => {
    bytes[at + 2] = bytes[at + 2]! | 0x80;
    return length;
  },
  turn: () => true,
});
