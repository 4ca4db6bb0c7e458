/*
 * How one process takes the place of another that serves from the same data directory:
 *
 *   old      spawns ──────────────> successor, with the same flags and the very same sockets
 *            serves                 loads its program and the geo databases
 *            <───────── prepared
 *            lets go of the store and the API; answers on, watches health on
 *            released ─────────>
 *                                   reads the store, compiles, answers from the sockets
 *            <───────── complete
 *            answers what it has received
 *            disconnects, ends ──>  opens the API
 *
 * The sockets are shared from the spawn to the end, so no query meets a closed one, and calls of the API
 * wait in its socket. Whenever the
 * successor ends before it is complete, the old process takes back what it let go of.
 */

/** From the successor. */
export type FromSuccessor = { readonly kind: 'prepared' } | { readonly kind: 'complete' };

/** From the process before. */
export interface FromPredecessor {
  readonly kind: 'released';
}

/** Holds the sockets as JSON (NodeSockets), by the numbers that the successor has them. */
export const socketsVariable = 'MERIDIAN_SOCKETS';
