import type { UdpMemory } from '../../native/udp_batch/udp-memory.ts';
import type { ImageUpdate } from '../image/image-update.ts';
import type { Practice } from '../image/practice-image.ts';
import type { ListenAddress } from './listen-address.ts';
import type { UdpIo } from './open-udp.ts';
import type { ServerSettings } from './settings.ts';
import type { TrafficMemory } from './traffic.ts';

/** What a worker is started with. Everything shared is in SharedArrayBuffers. */
export interface WorkerStart {
  readonly kind: 'udp' | 'stream';
  /** How and through what memory datagrams move; undefined for streams. */
  readonly udp: UdpStart | undefined;
  readonly addresses: readonly ListenAddress[];
  /** Sockets to work on in place of new ones, one for each address. */
  readonly descriptors?: readonly number[];
  /** Whether other workers bind the same addresses. */
  readonly reusePort: boolean;
  readonly settings: ServerSettings;
  readonly counters: Float64Array;
  readonly traffic: TrafficMemory;
  /** Of the worker's random numbers. */
  readonly seed: number;
  /** The whole image as one update. */
  readonly image: ImageUpdate;
}

/** What a worker for datagrams is started with. */
export interface UdpStart {
  readonly io: UdpIo;
  /** How many workers serve datagrams on these addresses. */
  readonly threads: number;
  readonly memory: UdpMemory;
  /** What to make itself ready with. */
  readonly practice: Practice;
  /** Requests that other threads died of. */
  readonly quarantined: readonly Uint8Array[];
}

/** From the main thread to a worker. */
export type ToWorker =
  | {
      readonly kind: 'update';
      readonly update: ImageUpdate;
      /** Octets of the segments that it replaces. */
      readonly replacedBytes: number;
    }
  /** Requests that threads died of, all of them; datagrams only. */
  | { readonly kind: 'quarantine'; readonly requests: readonly Uint8Array[] }
  /** Answer what is there, then end. */
  | { readonly kind: 'close' };

/** From a worker to the main thread. */
export type FromWorker =
  /** All sockets are bound, and the image that it was started with is served. */
  | {
      readonly kind: 'ready';
      /** The sockets as file descriptors, one for each address. */
      readonly descriptors: readonly number[];
    }
  | { readonly kind: 'taken'; readonly epoch: number }
  /** An update could not be opened; what was there goes on serving. */
  | { readonly kind: 'refused'; readonly epoch: number; readonly reason: string };
