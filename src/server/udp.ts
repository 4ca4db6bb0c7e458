import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerSafely, createSlot } from './answer-datagram.ts';
import { counterAt } from './counters.ts';
import { isIpv6Only, type ListenAddress } from './listen-address.ts';
import { readPeerAddress } from './peer-address.ts';
import { type Responder, slotPaddingBytes } from './responder.ts';

/** What the kernel may hold for us while we are busy; it grants up to net.core.rmem_max. */
const bufferBytes = 4 * 1024 * 1024;

/** Answers that may wait for a congested socket before others are dropped. */
const maxQueued = 256;

/** Rounds of the event loop without a datagram after which a closing socket counts as empty. */
const quietRounds = 3;

export interface UdpServer {
  /** Answers what the sockets still hold, then closes them. */
  close(): Promise<void>;
}

/**
 * Answers datagrams on the addresses, in this thread. Each address has a socket of its own, so that
 * answers leave from the address that was asked; with `reusePort` other threads may have theirs
 * beside it, and the kernel spreads clients among them.
 */
export async function openUdp(
  responder: Responder,
  addresses: readonly ListenAddress[],
  reusePort: boolean,
): Promise<UdpServer> {
  const activity = { datagrams: 0 };
  const sockets = addresses.map((address) => {
    const socket = createSocket({
      type: address.host.includes(':') ? 'udp6' : 'udp4',
      ipv6Only: address.host.includes(':') && isIpv6Only(address, addresses),
      reusePort,
      recvBufferSize: bufferBytes,
      sendBufferSize: bufferBytes,
      // Peers are addresses already; the default would take a turn in the resolver.
      lookup: (host, _family, callback) => callback(null, host, 0),
    });
    return socket;
  });
  responder.attach(createSlot());
  try {
    await Promise.all(
      sockets.map((socket, index) => {
        const { host, port } = addresses[index]!;
        // With this look-up `bind` may be done before it returns.
        const listening = once(socket, 'listening');
        socket.bind({ address: host, port, exclusive: true });
        return listening;
      }),
    );
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  for (const socket of sockets) {
    socket.on('error', () => responder.count(counterAt.unsent));
    socket.on('message', (message, remote) => {
      activity.datagrams += 1;
      answerMessage(responder, socket, message, remote);
    });
  }
  return { close: () => closeQuiet(sockets, activity) };
}

function answerMessage(
  responder: Responder,
  socket: Socket,
  message: Uint8Array,
  remote: RemoteInfo,
): void {
  // Nothing can be sent to port 0; only forgers come from there.
  const isSane = remote.port !== 0 && readPeerAddress(remote.address, responder.peer);
  if (!isSane || socket.getSendQueueCount() >= maxQueued) {
    responder.count(isSane ? counterAt.unsent : counterAt.dropped);
    return;
  }
  responder.transport = 0;
  responder.bytes.set(message);
  const { bytes } = responder;
  const answerBytes = answerSafely(responder, 0, message.length, bytes.length - slotPaddingBytes);
  if (answerBytes === 0) return;
  socket.send(bytes, 0, answerBytes, remote.port, remote.address);
  // Most answers are gone when `send` returns. One that must wait keeps its memory.
  if (socket.getSendQueueCount() > 0) responder.attach(createSlot());
}

async function closeQuiet(
  sockets: readonly Socket[],
  activity: { readonly datagrams: number },
): Promise<void> {
  let seen = activity.datagrams;
  for (let quiet = 0, rounds = 0; quiet < quietRounds && rounds < 10_000; rounds += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    quiet = activity.datagrams === seen ? quiet + 1 : 0;
    seen = activity.datagrams;
  }
  await Promise.all(
    sockets.map((socket) => {
      const closed = once(socket, 'close');
      socket.close();
      return closed;
    }),
  );
}
