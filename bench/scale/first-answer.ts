import { createSocket } from 'node:dgram';

/** Asks for the SOA of a zone every 10 ms until somebody answers without an error. */
export function firstAnswer(origin: string, port: number): Promise<void> {
  const labels = origin.slice(0, -1).split('.');
  const name = Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0, 0, 6, 0, 1]),
  ]);
  const query = Buffer.concat([Buffer.from('1234000000010000000000000', 'hex'), name]);
  const socket = createSocket('udp4');
  return new Promise((done) => {
    const timer = setInterval(() => socket.send(query, port, '127.0.0.1', () => {}), 10);
    socket.on('error', () => {});
    socket.on('message', (answer) => {
      if (((answer[3] ?? 15) & 15) !== 0 || (answer[7] ?? 0) === 0) return;
      clearInterval(timer);
      socket.close();
      done();
    });
  });
}
