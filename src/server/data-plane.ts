import { randomInt } from 'node:crypto';
import {
  clearUdpStatus,
  createUdpMemory,
  interruptedRequest,
  type UdpViews,
  viewUdpMemory,
} from '../../native/udp_batch/udp-memory.ts';
import { wakeUdp } from '../../native/udp_batch/wake-udp.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { letGoOfShared } from '../base/shared-memory.ts';
import type { ImagePublisher, ImageUpdate } from '../image/image-update.ts';
import { makePractice } from '../image/practice-image.ts';
import { claimAddresses } from './claim-addresses.ts';
import { type CounterSnapshot, createCounters, sumCounters } from './counters.ts';
import { FullImage } from './full-image.ts';
import { emptyImage, updateImage } from './image.ts';
import { inlineQueryPath } from './inline-query-path.ts';
import type { ListenAddress } from './listen-address.ts';
import { chooseUdpIo, type UdpIo, whyNot } from './open-udp.ts';
import type { PlaneSockets } from './plane-sockets.ts';
import { protectionSettings } from './protection-settings.ts';
import { Quarantine } from './quarantine.ts';
import {
  defaultSettings,
  type RateLimitOptions,
  type ServerSettings,
  type SubnetSettings,
} from './settings.ts';
import { SupervisedWorker } from './supervised-worker.ts';
import {
  createTrafficMemory,
  sumTraffic,
  Traffic,
  type TrafficMemory,
  type TrafficSums,
} from './traffic.ts';
import { watchThreads } from './watch-threads.ts';
import type { UdpStart, WorkerStart } from './worker-messages.ts';

/** Times that other ports are chosen when a chosen one is taken before the workers bind it. */
const maxAttempts = 5;

export interface DataPlaneOptions {
  /** Where to serve, UDP and TCP alike; at least one. */
  readonly addresses: readonly ListenAddress[];
  /** Threads that answer over UDP; 1 or more. One more serves streams. */
  readonly workers: number;
  /**
   * Sockets of the process before this one, in place of `addresses` and `workers`. Nothing is read from
   * them before the first image is there to answer from.
   */
  readonly sockets?: PlaneSockets;
  /** How datagrams move; default: in batches by the kernel's sockets where the addon is there, else by node:dgram. */
  readonly io?: UdpIo;
  /** Sent to who asks (RFC 5001). */
  readonly nsid?: string;
  /** CH TXT version.bind; refused when absent. */
  readonly versionBind?: string;
  /** CH TXT id.server; refused when absent. */
  readonly serverId?: string;
  /** Whose client subnets count; default all. */
  readonly ecs?: SubnetSettings;
  /** Default limits.udpPayloadBytes. */
  readonly udpPayloadBytes?: number;
  /** Answers over UDP that a client network may get; defaults as in DESIGN.md §13, 0 a second: off. */
  readonly rateLimit?: RateLimitOptions;
  /** What DNS cookies are signed with, 16 octets each; absent: a random secret that rolls over. */
  readonly cookieSecrets?: readonly Uint8Array[];
  /** Caps of streams; defaults as in DESIGN.md §13. */
  readonly tcp?: Partial<ServerSettings['tcp']>;
  readonly log: Log;
  readonly clock?: Clock;
}

/** The threads that answer queries. */
export interface DataPlane extends ImagePublisher {
  /** Where it serves, with the ports that were chosen. */
  readonly addresses: readonly ListenAddress[];
  /** The threads, streams last. */
  readonly workers: readonly SupervisedWorker[];
  /** How datagrams move. */
  readonly io: UdpIo;
  /** All that is served as one update. */
  image(): ImageUpdate;
  /** What the process after this one goes on with. */
  sockets(): PlaneSockets;
  /** Sums since the start. */
  counters(): CounterSnapshot;
  /** Sums since the start by zone and by member. */
  traffic(): TrafficSums;
  /** Answers what is queued, then ends the threads. */
  close(): Promise<void>;
}

/**
 * Starts answering, with SERVFAIL until the first `publish`. Throws MeridianError (E_LISTEN_ADDRESS,
 * E_PORT_TAKEN, E_PORT_FORBIDDEN) when an address cannot be had, or E_FLAG when `io` cannot.
 */
export async function startDataPlane(options: DataPlaneOptions): Promise<DataPlane> {
  inlineQueryPath();
  const reason = options.io === undefined ? undefined : whyNot(options.io);
  if (reason !== undefined) {
    const message = `--io ${options.io} cannot be had: ${reason}`;
    throw new MeridianError({ code: 'E_FLAG', message, where: '--io' });
  }
  if (options.sockets !== undefined) return new WorkerPlane(options, options.sockets.addresses);
  const choosesPort = options.addresses.some(({ port }) => port === 0);
  for (let attempt = 1; ; attempt += 1) {
    const addresses = await claimAddresses(options.addresses);
    const plane = new WorkerPlane(options, addresses);
    try {
      await plane.open();
      return plane;
    } catch (error) {
      await plane.close();
      if (!choosesPort || attempt === maxAttempts || !/EADDRINUSE/.test(String(error))) throw error;
    }
  }
}

class WorkerPlane implements DataPlane {
  readonly addresses: readonly ListenAddress[];
  readonly workers: readonly SupervisedWorker[];
  readonly io: UdpIo;
  readonly #counters: readonly Float64Array[];
  readonly #traffic: readonly TrafficMemory[];
  /** What the workers for datagrams move them through, in their order. */
  readonly #udp: readonly UdpViews[];
  readonly #quarantine: Quarantine;
  readonly #image = new FullImage();
  readonly #practice = makePractice();
  #isOpen = false;
  #endWatch = () => {};

  constructor(options: DataPlaneOptions, addresses: readonly ListenAddress[]) {
    this.addresses = addresses;
    const settings = settingsOf(options);
    const asked = options.sockets?.udp.length ?? options.workers;
    const udpWorkers = sharesPorts ? Math.max(1, asked) : 1;
    if (udpWorkers < asked) {
      options.log.warn(
        { platform: process.platform },
        'threads cannot share a port here; using one',
      );
    }
    const kinds: WorkerStart['kind'][] = [...Array(udpWorkers).fill('udp'), 'stream'];
    const clock = options.clock ?? systemClock;
    this.io = options.io ?? chosenIo(options.log);
    this.#counters = kinds.map(createCounters);
    this.#traffic = kinds.map(createTrafficMemory);
    // Requests may be as long as answers usually are, even where answers are kept shorter.
    const messageBytes = Math.max(limits.udpPayloadBytes, settings.udpPayloadBytes);
    this.#udp = Array.from({ length: udpWorkers }, () =>
      viewUdpMemory(createUdpMemory(messageBytes)),
    );
    this.#quarantine = new Quarantine(clock, (requests) => {
      for (const worker of this.workers.slice(0, udpWorkers)) worker.quarantine(requests);
    });
    this.workers = kinds.map((kind, index) => {
      const views = this.#udp[index];
      const take = takeSockets(options.sockets, index, this.io);
      return new SupervisedWorker({
        name: `${kind}-${index}`,
        start: () => ({
          kind,
          udp: views === undefined ? undefined : this.#udpStart(views),
          addresses,
          ...take(),
          reusePort: udpWorkers > 1,
          settings,
          counters: this.#counters[index]!,
          traffic: this.#traffic[index]!,
          seed: randomInt(2 ** 32),
          image: this.#image.toUpdate(),
        }),
        wake: () => views !== undefined && wakeUdp(views),
        died: () => views !== undefined && this.#suspect(views, options.log),
        clock,
        log: options.log,
      });
    });
    this.#endWatch = watchThreads(this.#udp, clock, (index) => this.workers[index]!.terminate());
  }

  #udpStart(views: UdpViews): UdpStart {
    const { slots, requests, control, slotCount, slotBytes, payloadBytes } = views;
    clearUdpStatus(views);
    return {
      io: this.io,
      threads: this.#udp.length,
      memory: { slots, requests, control, slotCount, slotBytes, payloadBytes },
      practice: this.#practice,
      quarantined: this.#quarantine.requests,
    };
  }

  /** A thread died: what it was answering may be the cause. */
  #suspect(views: UdpViews, log: Log): void {
    const request = interruptedRequest(views);
    clearUdpStatus(views);
    if (request === undefined) return;
    const termMs = this.#quarantine.add(request);
    const hex = Buffer.from(request).toString('hex');
    log.error(
      { request: hex, termMs },
      `this query is answered with SERVFAIL for ${termMs / 1000} s, since a worker died of it: ${hex}`,
    );
  }

  async open(): Promise<void> {
    this.#isOpen = true;
    await Promise.all(this.workers.map((worker) => worker.open()));
  }

  /**
   * Updates come in the order of their epochs; an older one than what serves is refused, and one that
   * cannot be opened: then nothing has changed, and the epoch may come again.
   */
  async publish(update: ImageUpdate): Promise<void> {
    if (update.epoch <= this.#image.epoch) {
      const message = `update ${update.epoch} is older than ${this.#image.epoch}, which is served`;
      throw new MeridianError({ code: 'E_PUBLISH', message });
    }
    // What a worker could not open must not become part of the image (invariant 3).
    try {
      updateImage(emptyImage, update);
    } catch (cause) {
      const message = `update ${update.epoch} cannot be opened: ${errorText(cause)}`;
      throw new MeridianError({ code: 'E_PUBLISH', message }, { cause });
    }
    const replacedBytes = this.#image.apply(update);
    if (!this.#isOpen) {
      await this.open();
      return;
    }
    await Promise.all(this.workers.map((worker) => worker.update(update, replacedBytes)));
    // Not before whoever waits for the update knows that it is served.
    setImmediate(letGoOfShared, replacedBytes);
  }

  image(): ImageUpdate {
    return this.#image.toUpdate();
  }

  sockets(): PlaneSockets {
    const descriptors = this.workers.map((worker) => worker.descriptors);
    return {
      addresses: this.addresses,
      udp: descriptors.slice(0, this.#udp.length),
      tcp: descriptors[this.#udp.length] ?? [],
    };
  }

  counters(): CounterSnapshot {
    const udp = this.#udp.map(({ counters }) => counters);
    return sumCounters(this.#counters, udp);
  }

  traffic(): TrafficSums {
    return sumTraffic(this.#traffic.map((memory) => new Traffic(memory)));
  }

  async close(): Promise<void> {
    this.#endWatch();
    this.#quarantine.close();
    await Promise.all(this.workers.map((worker) => worker.close()));
  }
}

/**
 * The sockets of one worker for each of its starts. Batches work on copies, so that whoever takes a
 * dead worker's place finds its queue; what Node itself takes over is gone with the thread.
 */
function takeSockets(sockets: PlaneSockets | undefined, index: number, io: UdpIo) {
  const descriptors = index < (sockets?.udp.length ?? 0) ? sockets?.udp[index] : sockets?.tcp;
  const isCopied = io !== 'dgram' && index < (sockets?.udp.length ?? 0);
  let isTaken = false;
  return () => {
    if (descriptors === undefined || (isTaken && !isCopied)) return {};
    isTaken = true;
    return { descriptors };
  };
}

/** Where Node lets several UDP sockets share a port and the kernel spreads datagrams among them. */
const sharesPorts = ['linux', 'freebsd', 'sunos', 'aix'].includes(process.platform);

/** The best backend of this machine, with a warning where that is not the addon. */
function chosenIo(log: Log): UdpIo {
  const { io, reason } = chooseUdpIo();
  if (reason !== undefined && process.platform === 'linux') {
    log.warn({ io, reason }, `packets move one by one through node:dgram: ${reason}`);
  }
  return io;
}

function settingsOf(options: DataPlaneOptions): ServerSettings {
  const { nsid, versionBind, serverId, ecs, udpPayloadBytes, tcp } = options;
  const nsidBytes = nsid === undefined ? undefined : new TextEncoder().encode(nsid);
  return {
    ...(nsidBytes === undefined ? {} : { nsid: nsidBytes.slice(0, limits.nsidBytes) }),
    ...(versionBind === undefined ? {} : { versionBind }),
    ...(serverId === undefined ? {} : { serverId }),
    ecs: ecs ?? defaultSettings.ecs,
    udpPayloadBytes: Math.min(
      4096,
      Math.max(limits.minUdpPayloadBytes, udpPayloadBytes ?? limits.udpPayloadBytes),
    ),
    tcp: { ...defaultSettings.tcp, ...tcp },
    ...protectionSettings(options),
  };
}
