import type { IpAddress } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import { answerQuery } from './answer-query.ts';
import { failAnswer } from './finish-answer.ts';
import { type Responder, slotPaddingBytes } from './responder.ts';

/** A slot that takes any message. Offsets in it are multiples of 4. */
export function createSlot(): ArrayBuffer {
  return new ArrayBuffer(((limits.messageBytes + 3) & ~3) + slotPaddingBytes);
}

/**
 * `answerQuery` for callers who must go on whatever happens: a bug costs this query SERVFAIL and is
 * counted (invariant 10).
 */
export function answerSafely(
  responder: Responder,
  at: number,
  bytes: number,
  capacity: number,
): number {
  try {
    return answerQuery(responder, at, bytes, capacity);
  } catch {
    return failAnswer(responder, at, bytes);
  }
}

/** Notes who asks. */
export function setPeer(responder: Responder, peer: IpAddress): void {
  responder.peer[0] = peer.family;
  for (let word = 0; word < 4; word += 1) responder.peer[word + 1] = peer.words[word]!;
}

/**
 * Answers one request without a socket; undefined where none may be sent. For tests and tools: it
 * allocates. `transport` is an index of `transports`.
 */
export function answerDatagram(
  responder: Responder,
  request: Uint8Array,
  peer: IpAddress,
  transport = 0,
): Uint8Array | undefined {
  responder.attach(createSlot());
  responder.bytes.set(request);
  responder.transport = transport;
  setPeer(responder, peer);
  const answerBytes = answerSafely(responder, 0, request.length, limits.messageBytes);
  return answerBytes === 0 ? undefined : responder.bytes.slice(0, answerBytes);
}
