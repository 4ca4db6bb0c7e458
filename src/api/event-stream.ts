import type { ServerResponse } from 'node:http';
import type { Clock } from '../base/clock.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { ClusterView } from '../control/cluster-view.ts';
import type { Controller } from '../control/controller.ts';
import {
  currentPosition,
  eventsSince,
  formatPosition,
  type LiveEvent,
  type Position,
} from './live-events.ts';

/** How soon a live event reaches its readers, at most. */
const pollMs = 250;
/** Comments between events, so that proxies keep the stream and dead peers are noticed. */
const heartbeatMs = 15_000;

interface Reader {
  readonly response: ServerResponse;
  /** False once the token is no longer valid. */
  readonly mayStay: () => boolean;
}

/**
 * Sends live events to every open stream (Server-Sent Events, WHATWG HTML §9.2). One poll serves all
 * readers and stops when there are none. A reader that does not take what it is sent is cut off; it
 * comes back with `Last-Event-ID` and misses nothing that is still remembered.
 */
export class EventStreams {
  readonly #controller: Controller;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #cluster: ClusterView | undefined;
  /** The last `cluster` event, as text. */
  #clusterText = '';
  readonly #readers = new Set<Reader>();
  #position: Position = { revision: 0, health: 0 };
  #cancelPoll: (() => void) | undefined;
  #lastBeatMs = 0;

  constructor(controller: Controller, clock: Clock, log: Log, cluster?: ClusterView) {
    this.#controller = controller;
    this.#clock = clock;
    this.#log = log;
    this.#cluster = cluster;
  }

  get size(): number {
    return this.#readers.size;
  }

  /** True when another stream would be one too many. */
  isFull(): boolean {
    return this.#readers.size >= limits.eventStreams;
  }

  /** Takes over a response whose head is written; `since` is where the reader stopped last time. */
  add(response: ServerResponse, since: Position | undefined, mayStay: () => boolean): void {
    if (this.#readers.size === 0) {
      this.#position = currentPosition(this.#controller);
      this.#lastBeatMs = this.#clock.monotonicMs();
      this.#schedule();
    } else {
      this.#sendNew();
    }
    const reader: Reader = { response, mayStay };
    this.#readers.add(reader);
    response.on('close', () => this.#remove(reader));
    response.on('error', () => this.#remove(reader));
    // Where the reader stopped, not where the others are: should the stream break before what it
    // missed has come, it would ask for the rest only.
    const stand = formatPosition(since ?? this.#position);
    this.#write(reader, `retry: 2000\nid: ${stand}\n: welcome\n\n`);
    if (this.#cluster !== undefined) {
      this.#clusterText = clusterText(this.#cluster);
      this.#write(reader, this.#clusterEvent());
    }
    if (since !== undefined) {
      for (const event of eventsSince(this.#controller, since)) this.#write(reader, format(event));
    }
  }

  /** Ends every stream. */
  close(): void {
    this.#cancelPoll?.();
    for (const { response } of this.#readers) response.end();
    this.#readers.clear();
  }

  #schedule(): void {
    this.#cancelPoll = this.#clock.setTimer(pollMs, () => {
      if (this.#readers.size === 0) return;
      try {
        this.#sendNew();
        this.#beat();
      } catch (error) {
        this.#log.error({ err: error }, 'live events could not be read; trying again');
      }
      this.#schedule();
    });
  }

  #sendNew(): void {
    for (const event of eventsSince(this.#controller, this.#position)) {
      this.#position = event.position;
      for (const reader of this.#readers) {
        // A token that was revoked a moment ago sees nothing more.
        if (reader.mayStay()) this.#write(reader, format(event));
        else reader.response.end();
      }
    }
    if (this.#cluster === undefined) return;
    const text = clusterText(this.#cluster);
    if (text === this.#clusterText) return;
    this.#clusterText = text;
    for (const reader of this.#readers) {
      if (reader.mayStay()) this.#write(reader, this.#clusterEvent());
    }
  }

  #clusterEvent(): string {
    const id = formatPosition(this.#position);
    return `id: ${id}\nevent: cluster\ndata: ${this.#clusterText}\n\n`;
  }

  #beat(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lastBeatMs < heartbeatMs) return;
    this.#lastBeatMs = nowMs;
    for (const reader of this.#readers) {
      if (reader.mayStay()) this.#write(reader, ': still here\n\n');
      else reader.response.end();
    }
  }

  #write(reader: Reader, text: string): void {
    const { response } = reader;
    if (response.destroyed || response.writableEnded) return;
    if (response.writableLength > limits.eventStreamBufferBytes) response.destroy();
    else response.write(text);
  }

  #remove(reader: Reader): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#cancelPoll?.();
  }
}

/** What of a cluster is news when it changes. */
function clusterText(cluster: ClusterView): string {
  const { leader, leads, term, busUp, healthSource, live } = cluster.state();
  return JSON.stringify({ leader, leads, term, busUp, healthSource, live });
}

/** One event on the wire. JSON has no raw line break, so that `data` stays one line. */
function format(event: LiveEvent): string {
  const id = formatPosition(event.position);
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event.data)}\n\n`;
}
