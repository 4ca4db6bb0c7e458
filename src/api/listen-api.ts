import { MeridianError } from '../base/errors.ts';
import { findPortHolder } from '../base/port-holder.ts';
import type { ApiInstance } from './api-context.ts';

/** Where the API listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

/**
 * Begins to listen and returns the address with the port that it got. Throws `E_PORT_TAKEN`,
 * `E_PORT_FORBIDDEN` or `E_LISTEN_ADDRESS`; never takes another port.
 */
export async function listenApi(
  api: ApiInstance,
  { host, port }: ListenOptions,
): Promise<{ readonly host: string; readonly port: number; readonly url: string }> {
  try {
    await api.listen({ host, port });
  } catch (cause) {
    throw explainListenError(cause, host, port);
  }
  const address = api.server.address();
  const boundPort = typeof address === 'object' && address !== null ? address.port : port;
  return { host, port: boundPort, url: `http://${inUrl(host)}:${boundPort}` };
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
