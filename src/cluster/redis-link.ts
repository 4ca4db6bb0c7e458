import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { errorText } from '../base/errors.ts';
import { BusError } from './bus.ts';
import type { RedisScript } from './redis-scripts.ts';
import type { BusAddress } from './redis-url.ts';

/** What Redis sends back: nothing is converted, so that bytes stay bytes. */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

const connectMs = 2000;
const retryMaxMs = 1000;
/** The client's own limit is for what it sends by itself; ours comes first otherwise. */
const handshakeExtraMs = 250;
const retryStrategy = (times: number) => Math.min(50 * times, retryMaxMs);

/** What a connection needs. */
export interface RedisLinkOptions {
  readonly address: BusAddress;
  /** How long a command may take; for blocking reads their wait has to be in it. */
  readonly commandMs: number;
  /** PEM certificates to trust instead of the system's, for TLS. */
  readonly ca?: string;
  /** What sentinels ask for themselves; the address has what the server asks for. */
  readonly sentinelPassword?: string;
  readonly onFailure: (text: string) => void;
}

/**
 * One connection to Redis (in a cluster: one to each of its nodes). It never queues a command while
 * there is no connection, never sends one twice, gives each a time limit, and drops a connection whose
 * server hangs. Reconnects by itself for as long as it is open.
 */
export class RedisLink {
  readonly #redis: Redis | Cluster;
  readonly #commandMs: number;
  readonly #waits = new Set<() => void>();
  #isClosed = false;
  /** The connection of now has hung, and is being ended. */
  #isGivenUp = false;

  constructor(options: RedisLinkOptions) {
    const { commandMs, onFailure } = options;
    this.#commandMs = commandMs;
    this.#redis = connect(options);
    this.#redis.on('ready', () => {
      this.#isGivenUp = false;
    });
    // The client's own limit is for handshakes. It would cut off what this thread was too busy to hear.
    if (this.#redis instanceof Redis) {
      const { options: own } = this.#redis;
      const { commandTimeout } = own;
      this.#redis.on('ready', () => delete own.commandTimeout);
      this.#redis.on('close', () => Object.assign(own, { commandTimeout }));
    }
    // Without a listener an error event ends the process. What matters shows in commands that fail.
    this.#redis.on('error', (error: unknown) => onFailure(errorText(error)));
  }

  get isUp(): boolean {
    return this.#redis.status === 'ready' && !this.#isGivenUp;
  }

  /** Resolves when there is a connection, or none in time. */
  async ready(withinMs: number): Promise<void> {
    if (this.isUp || this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, withinMs);
    timer.unref();
    this.#waits.add(resolve);
    this.#redis.once('ready', resolve);
    await promise;
    clearTimeout(timer);
    this.#waits.delete(resolve);
    this.#redis.off('ready', resolve);
  }

  /** Sends one command; rejects with a BusError. */
  async send(command: string, ...args: readonly (string | number | Uint8Array)[]) {
    const sent = args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : arg));
    return this.#run(command, () => this.#redis.callBuffer(command, ...(sent as [string])));
  }

  /** Runs a script as one step; rejects with a BusError. */
  async script(
    script: RedisScript,
    keys: readonly string[],
    args: readonly (string | number | Uint8Array)[],
  ): Promise<RedisReply> {
    try {
      return await this.send('evalsha', script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      // Redis forgets scripts when it restarts, fails over or is told to; then it has not run.
      if (!(error instanceof BusError && error.message.includes('NOSCRIPT'))) throw error;
      return this.send('eval', script.text, keys.length, ...keys, ...args);
    }
  }

  /** Several reading commands at one moment (MULTI); rejects with a BusError. */
  async together(
    commands: readonly (readonly [string, ...(string | number)[]])[],
  ): Promise<readonly RedisReply[]> {
    const replies = (await this.#run('multi', async () => {
      const multi = this.#redis.multi();
      for (const [command, ...args] of commands) multi.callBuffer(command, ...(args as [string]));
      return multi.exec();
    })) as unknown as readonly (readonly [Error | null, RedisReply])[] | null;
    if (replies === null) throw new BusError('multi: it was not carried out', 'none');
    return replies.map(([error, reply]) => {
      if (error !== null) throw new BusError(`multi: ${errorText(error)}`, 'none');
      return reply;
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const end of this.#waits) end();
    this.#redis.disconnect();
  }

  async #run(name: string, work: () => Promise<unknown>): Promise<RedisReply> {
    if (this.#isClosed) throw new BusError('the bus is closed', 'none');
    if (!this.isUp) throw new BusError(`${name}: there is no connection to Redis`, 'none');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      // After timers the loop reads the sockets: when this thread has stood still, the answer is there.
      const onTime = () => void setImmediate(() => reject(new Error(timeoutText)));
      timer = setTimeout(onTime, this.#commandMs);
      timer.unref();
    });
    const running = work();
    running.catch(() => undefined);
    try {
      return (await Promise.race([running, late])) as RedisReply;
    } catch (error) {
      throw this.#failure(name, error);
    } finally {
      clearTimeout(timer);
    }
  }

  #failure(name: string, error: unknown): BusError {
    // Of a transaction that was refused, the reason stands with the command that is to blame.
    const { previousErrors = [] } = error as { readonly previousErrors?: readonly unknown[] };
    const text = errorText(previousErrors[0] ?? error);
    const isReply = error instanceof Error && error.name === 'ReplyError';
    const isUnsent = text.includes("Stream isn't writeable");
    // A server that hangs would keep what is sent until it wakes up: send it no more.
    if (text === timeoutText && !this.#isClosed) {
      this.#isGivenUp = true;
      this.#redis.disconnect(true);
    }
    const outcome = isReply || isUnsent ? 'none' : 'unknown';
    return new BusError(`${name}: ${text}`, outcome, { cause: error });
  }
}

const timeoutText = 'Redis did not answer in time';

/** The same bytes as a Buffer: any other array would be sent as its text. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function connect({ address, commandMs, ca, sentinelPassword }: RedisLinkOptions): Redis | Cluster {
  const trust = ca === undefined ? {} : { ca };
  const { username, password, database, tls, hosts } = address;
  const [first = { host: '127.0.0.1', port: 6379 }] = hosts;
  const options = {
    protocol: 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connectMs,
    // What does not answer will not say goodbye either.
    disconnectTimeout: 100,
    disableClientInfo: true,
    // Of the handshake too: a server that hangs accepts connections and says nothing.
    commandTimeout: commandMs + handshakeExtraMs,
    retryStrategy,
    // A master that became a replica: the address has to be looked up again.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls ? { tls: trust } : {}),
  } satisfies RedisOptions;
  if (address.kind === 'cluster') {
    return new Cluster([...hosts], {
      redisOptions: options,
      enableOfflineQueue: false,
      slotsRefreshTimeout: connectMs,
      clusterRetryStrategy: retryStrategy,
      ...(tls
        ? {
            dnsLookup: (name: string, callback: (error: null, name: string) => void) =>
              callback(null, name),
          }
        : {}),
    });
  }
  if (address.kind === 'sentinel') {
    return new Redis({
      ...options,
      db: database,
      sentinels: [...hosts],
      name: address.masterName,
      enableTLSForSentinelMode: tls,
      sentinelCommandTimeout: connectMs,
      ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
      sentinelRetryStrategy: retryStrategy,
      ...(tls ? { sentinelTLS: trust } : {}),
    });
  }
  return new Redis({ ...options, ...first, db: database });
}
