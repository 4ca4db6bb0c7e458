// The dns2 package's own server, answering all queries with a constant. `dns2.ts [PORT]`
import dns2, { type Resource } from 'dns2';

const server = dns2.createServer({
  udp: true,
  handle(request, send) {
    const response = dns2.Packet.createResponseFromRequest(request);
    const question = request.questions[0];
    if (question !== undefined) {
      response.answers.push({
        name: question.name,
        type: dns2.Packet.TYPE.A,
        class: dns2.Packet.CLASS.IN,
        ttl: 30,
        address: '192.0.2.10',
      } as Resource);
    }
    send(response);
  },
});
server.on('listening', () => {
  process.stdout.write(`${server.addresses().udp?.port}\n`);
});
const listen = (port: number) => server.listen({ udp: { port, address: '127.0.0.1' } });
if (process.argv[2] === undefined) {
  // Port 0 would be taken for "no options" by the package, so a free one is chosen here.
  const { createSocket } = await import('node:dgram');
  const scout = createSocket('udp4');
  scout.bind(0, '127.0.0.1', () => {
    const { port } = scout.address();
    scout.close(() => listen(port));
  });
} else {
  listen(Number(process.argv[2]));
}
