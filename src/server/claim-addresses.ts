import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { MeridianError, type Problem } from '../base/errors.ts';
import { parseIp } from '../base/ip.ts';
import { findPortHolder } from '../base/port-holder.ts';
import { formatListenAddress, isIpv6Only, type ListenAddress, overlap } from './listen-address.ts';

/** Times that another port is tried where the system's choice for TCP is taken for UDP. */
const maxChoices = 20;

/**
 * Makes sure that every address can be bound for UDP and TCP by us alone, and chooses a port, the
 * same for both, where 0 was asked for. The sockets are let go again for the workers to bind: theirs
 * share ports (SO_REUSEPORT), by which two servers of one user would not notice each other.
 *
 * Throws MeridianError with all problems: E_LISTEN_ADDRESS, E_PORT_TAKEN (naming the holder, where
 * it can be seen) or E_PORT_FORBIDDEN (with the ways to get the permission).
 */
export async function claimAddresses(
  addresses: readonly ListenAddress[],
): Promise<readonly ListenAddress[]> {
  const problems: Problem[] = [];
  const claimed: ListenAddress[] = [];
  for (const [index, address] of addresses.entries()) {
    const result =
      overlapProblem(address, addresses.slice(0, index)) ?? (await claim(address, addresses));
    if ('code' in result) problems.push(result);
    else claimed.push(result);
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return claimed;
}

/** Our own sockets would be in each other's way, and no other process is to blame. */
function overlapProblem(
  address: ListenAddress,
  earlier: readonly ListenAddress[],
): Problem | undefined {
  const other = earlier.find((each) => overlap(each, address));
  if (other === undefined) return undefined;
  const where = `--dns ${formatListenAddress(address)}`;
  const message =
    other.host === address.host
      ? 'the address is given twice; leave one out'
      : `--dns ${formatListenAddress(other)} covers the same addresses; leave one of the two out`;
  return { code: 'E_LISTEN_ADDRESS', message, where };
}

async function claim(
  address: ListenAddress,
  all: readonly ListenAddress[],
): Promise<ListenAddress | Problem> {
  if (parseIp(address.host) === undefined) {
    const message = `"${address.host}" is no IP address; give one of this machine, or 0.0.0.0 or ::`;
    return { code: 'E_LISTEN_ADDRESS', message };
  }
  for (let choice = 1; ; choice += 1) {
    const port = await bindTcp(address, isIpv6Only(address, all));
    if (typeof port !== 'number') return problemOf(port, address, 'tcp');
    const chosen = { host: address.host, port };
    const failure = await bindUdp(chosen, isIpv6Only(address, all));
    if (failure === undefined) return chosen;
    const mayChooseAgain = address.port === 0 && failure.code === 'EADDRINUSE';
    if (!mayChooseAgain || choice === maxChoices) return problemOf(failure, chosen, 'udp');
  }
}

async function bindTcp(
  { host, port }: ListenAddress,
  ipv6Only: boolean,
): Promise<number | NodeJS.ErrnoException> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true, ipv6Only: host.includes(':') && ipv6Only });
    await once(server, 'listening');
    const bound = server.address();
    return bound !== null && typeof bound === 'object' ? bound.port : port;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function bindUdp(
  { host, port }: ListenAddress,
  ipv6Only: boolean,
): Promise<NodeJS.ErrnoException | undefined> {
  const isV6 = host.includes(':');
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6 && ipv6Only });
  try {
    socket.bind({ address: host, port, exclusive: true });
    await once(socket, 'listening');
    return undefined;
  } catch (error) {
    return error as NodeJS.ErrnoException;
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

/** Turns what binding reported into a problem that says what to do. */
function problemOf(
  error: NodeJS.ErrnoException,
  address: ListenAddress,
  protocol: 'udp' | 'tcp',
): Problem {
  const where = `--dns ${formatListenAddress(address)}`;
  const name = `${protocol.toUpperCase()} ${formatListenAddress(address)}`;
  switch (error.code) {
    case 'EADDRINUSE': {
      const holder = findPortHolder(address.port, protocol) ?? 'another process';
      const message = `${name} is held by ${holder}; stop it, or listen on another port`;
      return { code: 'E_PORT_TAKEN', message, where };
    }
    case 'EACCES':
    case 'EPERM': {
      const message =
        `this process may not bind ${name}; start it as root, ` +
        'or let Node bind low ports: setcap cap_net_bind_service=+ep "$(readlink -f "$(command -v node)")" ' +
        '(under systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE), ' +
        `or lower the border for everybody: sysctl net.ipv4.ip_unprivileged_port_start=${address.port}`;
      return { code: 'E_PORT_FORBIDDEN', message, where };
    }
    default: {
      const message = `${name} cannot be bound (${error.code ?? error.message}); give an address of this machine`;
      return { code: 'E_LISTEN_ADDRESS', message, where };
    }
  }
}
