// The floor for anything on node:dgram: flips the QR bit and sends the packet back. `echo.ts [PORT]`
import { createSocket } from 'node:dgram';

const socket = createSocket({
  type: 'udp4',
  recvBufferSize: 4 << 20,
  sendBufferSize: 4 << 20,
  lookup: (host, _options, callback) => callback(null, host, 4),
});
socket.on('message', (packet, peer) => {
  packet[2] = (packet[2] ?? 0) | 0x80;
  socket.send(packet, peer.port, peer.address);
});
socket.bind(Number(process.argv[2] ?? 0), '127.0.0.1', () =>
  process.stdout.write(`${socket.address().port}\n`),
);
