import type { PlaneSockets } from '../../server/plane-sockets.ts';
import type { Endpoint } from '../flags.ts';

/** A node's sockets, as file descriptors: what a process that takes its place goes on with. */
export interface NodeSockets {
  readonly plane: PlaneSockets;
  /** Where the API listens; undefined where the platform cannot hand that over. */
  readonly http: (Endpoint & { readonly descriptor: number }) | undefined;
}

/** Every descriptor, in the order in which `renumber` gives them new numbers. */
export function descriptorsOf({ plane, http }: NodeSockets): readonly number[] {
  return [...plane.udp.flat(), ...plane.tcp, ...(http === undefined ? [] : [http.descriptor])];
}

/** The same sockets under the numbers that a process has them by which inherits them from `first` on. */
export function renumber({ plane, http }: NodeSockets, first: number): NodeSockets {
  let next = first;
  const take = () => next++;
  return {
    plane: {
      addresses: plane.addresses,
      udp: plane.udp.map((worker) => worker.map(take)),
      tcp: plane.tcp.map(take),
    },
    http: http === undefined ? undefined : { ...http, descriptor: take() },
  };
}
