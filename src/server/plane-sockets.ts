import type { ListenAddress } from './listen-address.ts';

/**
 * The sockets of a data plane as file descriptors, so that the process which takes this one's place
 * goes on with the very same: what is queued in them stays queued.
 */
export interface PlaneSockets {
  /** Where they are bound. */
  readonly addresses: readonly ListenAddress[];
  /** For each worker, one socket for each address. */
  readonly udp: readonly (readonly number[])[];
  /** The listening socket of each address. */
  readonly tcp: readonly number[];
}
