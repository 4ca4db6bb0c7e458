/** What the tests of UDP backends say to the threads that these run in. */

import type { UdpAddress, UdpOptions } from '../../native/udp_batch/udp-backend.ts';
import type { UdpIo } from '../../src/server/open-udp.ts';

export interface StartedWith {
  readonly io: UdpIo;
  readonly options: UdpOptions;
}

export type ToBackend = { readonly image: number } | 'stop';

export type FromBackend =
  | { readonly ready: readonly UdpAddress[]; readonly descriptors: readonly number[] }
  | { readonly failed: { readonly code: string; readonly message: string } }
  | { readonly taken: number }
  | { readonly stopped: true };

/** What the first octet of a request asks for. */
export const commands = {
  /** The same octets. */
  echo: 1,
  /** Nothing. */
  drop: 2,
  /** As many octets as an answer may have, each the second octet of the request. */
  fill: 3,
  /** The words of `peers`, then the length of the request. */
  peer: 4,
  /** The number that came with the last message. */
  image: 5,
  /** The same octets, after half a second in which nothing is received. */
  stall: 6,
  /** Nothing: the thread ends while it answers. */
  die: 7,
} as const;
