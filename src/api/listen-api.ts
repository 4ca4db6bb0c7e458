import { once } from 'node:events';
import { Server as TlsServer } from 'node:tls';
import { MeridianError } from '../base/errors.ts';
import { findPortHolder } from '../base/port-holder.ts';
import type { ApiInstance } from './api-context.ts';

/** Where the API listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** A socket that listens there already, in place of a new one: its file descriptor. */
  readonly descriptor?: number;
}

/**
 * Begins to listen and returns the address with the port that it got. Throws `E_PORT_TAKEN`,
 * `E_PORT_FORBIDDEN` or `E_LISTEN_ADDRESS`; never takes another port.
 */
export async function listenApi(
  api: ApiInstance,
  { host, port, descriptor }: ListenOptions,
): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
  try {
    if (descriptor === undefined) await api.listen({ host, port });
    else await listenOn(api, descriptor);
  } catch (cause) {
    throw explainListenError(cause, host, port);
  }
  const address = api.server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  return {
    host,
    port: boundPort,
    url: `${tlsServerOf(api) === undefined ? 'http' : 'https'}://${inUrl(host)}:${boundPort}`,
  };
}

/** The server of an API that is offered over TLS. */
export function tlsServerOf(api: ApiInstance): TlsServer | undefined {
  const server: object = api.server;
  return server instanceof TlsServer ? server : undefined;
}

/** The file descriptor of the socket that an API listens on; undefined where it has none. */
export function apiDescriptor({ server }: ApiInstance): number | undefined {
  const { _handle: handle } = server as typeof server & {
    readonly _handle?: { readonly fd?: number };
  };
  return handle?.fd;
}

/** How long requests under way may take to be answered when the API makes room for another process. */
const partingMs = 1000;

/** Takes no more requests, lets those under way be answered, and closes. */
export async function closeApi(api: ApiInstance): Promise<void> {
  const { server } = api;
  const closed = new Promise<void>((done) => server.close(() => done()));
  const patience = setTimeout(() => server.closeAllConnections(), partingMs);
  await closed;
  clearTimeout(patience);
  await api.close();
}

async function listenOn(api: ApiInstance, descriptor: number): Promise<void> {
  await api.ready();
  const listening = once(api.server, 'listening');
  api.server.listen({ fd: descriptor });
  await listening;
}

function explainListenError(cause: unknown, host: string, port: number): unknown {
  const at = `${inUrl(host)}:${port}`;
  const where = '--http';
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return new MeridianError(
        {
          code: 'E_PORT_TAKEN',
          message: `TCP ${at} is held by ${findPortHolder(port, 'tcp') ?? 'another process'}; stop it, or choose another address with --http`,
          where,
        },
        { cause },
      );
    case 'EACCES':
      return new MeridianError(
        {
          code: 'E_PORT_FORBIDDEN',
          message: `the system does not let this process listen on TCP ${at}; choose a port above 1023, give node the capability cap_net_bind_service, or lower net.ipv4.ip_unprivileged_port_start`,
          where,
        },
        { cause },
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new MeridianError(
        {
          code: 'E_LISTEN_ADDRESS',
          message: `${JSON.stringify(host)} is not an address of this machine; use one of its own, 127.0.0.1 or 0.0.0.0`,
          where,
        },
        { cause },
      );
    default:
      return cause;
  }
}

function inUrl(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
