import type { UdpAddress, UdpBackend } from '../../native/udp_batch/udp-backend.ts';
import { udpCounterAt } from '../../native/udp_batch/udp-memory.ts';
import { answerSafely } from './answer-datagram.ts';
import { failAnswer } from './finish-answer.ts';
import { isIpv6Only, type ListenAddress } from './listen-address.ts';
import { isQuarantined } from './quarantine.ts';
import type { Responder } from './responder.ts';

/** What a thread that answers datagrams is told while it does. */
export interface UdpControl {
  /** Takes what the main thread sent; false when the thread shall end. Must not throw. */
  turn(): boolean;
  /** Requests that threads have died of. */
  quarantined: readonly Uint8Array[];
}

/** The addresses as a UDP backend takes them, with the sockets to work on where there are such. */
export function udpAddresses(
  addresses: readonly ListenAddress[],
  descriptors?: readonly number[],
): readonly UdpAddress[] {
  return addresses.map((address, index) => {
    const ipv6Only = isIpv6Only(address, addresses);
    const descriptor = descriptors?.[index];
    return { ...address, ipv6Only, ...(descriptor === undefined ? {} : { descriptor }) };
  });
}

/**
 * Answers what the backend brings, until `turn` says that it is enough and the queue is empty. With
 * the batch backend the thread does nothing else meanwhile: no events, no timers.
 */
export function serveUdp(
  responder: Responder,
  backend: UdpBackend,
  control: UdpControl,
): Promise<void> {
  const { slots, bytes: slotBytes, peers, counters } = backend.views;
  const { peer, time } = responder;
  let batch = -1;
  responder.attach(slots);
  responder.transport = 0;
  return backend.serve({
    answer: (at, bytes, capacity, peerAt) => {
      if (counters[udpCounterAt.batches] !== batch) {
        batch = counters[udpCounterAt.batches]!;
        time.tick();
      }
      for (let word = 0; word < 5; word += 1) peer[word] = peers[peerAt + word]!;
      const { quarantined } = control;
      if (quarantined.length > 0 && isQuarantined(quarantined, slotBytes, at, bytes)) {
        responder.query.reset();
        return failAnswer(responder, at, bytes);
      }
      return answerSafely(responder, at, bytes, capacity);
    },
    turn: () => control.turn(),
  });
}
