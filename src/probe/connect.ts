import { createConnection, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { type CheckContext, CheckFailure, type Timings } from './check-result.ts';

/**
 * Opens a TCP connection to exactly this address and port. The address passes the guard before a
 * packet leaves and again as the connected socket reports it. On failure throws a CheckFailure.
 */
export function connectTcp(
  address: string,
  port: number,
  context: CheckContext,
  timings: Timings,
): Promise<Socket> {
  const { signal, guard, clock } = context;
  return new Promise((resolve, reject) => {
    const refusal = guard.refusal(address);
    if (refusal !== undefined) return reject(new CheckFailure('guard-refused', refusal, 'unknown'));
    if (signal.aborted) return reject(connectTimeout(address, port));
    const startMs = clock.monotonicMs();
    const socket = createConnection({ host: address, port, noDelay: true });
    const onAbort = () => fail(connectTimeout(address, port));
    const onError = (error: NodeJS.ErrnoException) => fail(connectFailure(error, address, port));
    const fail = (failure: CheckFailure) => {
      release();
      // Whatever a dying socket still says is of no interest, but must be heard by someone.
      socket.on('error', () => {});
      socket.destroy();
      reject(failure);
    };
    const release = () => {
      signal.removeEventListener('abort', onAbort);
      socket.off('error', onError);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.once('connect', () => {
      const connectedTo = socket.remoteAddress ?? 'nowhere';
      const late = guard.refusal(connectedTo);
      if (late !== undefined) return fail(new CheckFailure('guard-refused', late, 'unknown'));
      timings.connectMs = clock.monotonicMs() - startMs;
      release();
      // An error with no listener would end the process; whoever uses the socket adds its own.
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function connectTimeout(address: string, port: number): CheckFailure {
  return new CheckFailure('connect-timeout', `no connection to ${at(address, port)} in time`);
}

/** What a system error of a socket means for the check. */
export function connectFailure(
  error: NodeJS.ErrnoException,
  address: string,
  port: number,
): CheckFailure {
  const where = at(address, port);
  switch (error.code) {
    case 'ECONNREFUSED':
      return new CheckFailure('connect-refused', `${where} refused the connection`);
    case 'ETIMEDOUT':
      return connectTimeout(address, port);
    case 'ECONNRESET':
    case 'EPIPE':
      return new CheckFailure('connect-reset', `${where} reset the connection`);
    case 'ENETUNREACH':
    case 'EHOSTUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      if (address.includes(':') && !hasIpv6()) {
        const text = `this agent has no IPv6 address to check ${where} from`;
        return new CheckFailure('no-ipv6', text, 'unknown');
      }
      if (error.code === 'EADDRNOTAVAIL') break;
      return new CheckFailure('connect-unreachable', `no route to ${where} (${error.code})`);
    case 'EACCES':
    case 'EPERM':
      return new CheckFailure(
        'agent-forbidden',
        `this agent may not connect to ${where}`,
        'unknown',
      );
  }
  if (localTrouble.has(error.code ?? '')) {
    const text = `this agent has no socket left to check ${where} (${error.code})`;
    return new CheckFailure('agent-resources', text, 'unknown');
  }
  return new CheckFailure('connect-failed', `${where}: ${error.message}`);
}

const localTrouble = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL']);

/** True when the machine has an IPv6 address that reaches beyond its own links. */
function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(
      ({ family, address, internal }) =>
        family === 'IPv6' && !internal && !/^fe[89ab]/i.test(address),
    ),
  );
}

/** `192.0.2.1:80`, `[2001:db8::1]:80`. */
export function at(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
