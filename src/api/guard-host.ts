import type { FastifyRequest } from 'fastify';
import { MeridianError } from '../base/errors.ts';
import { parseIp, unmapIp } from '../base/ip.ts';

/**
 * Refuses requests that reached a loopback address under a foreign name. A web page may point a name
 * of its own at 127.0.0.1 and then read from here as if it were its own server (DNS rebinding);
 * its Host header gives it away. Throws `E_HOST`; `names` are further names that are ours.
 */
export function guardHost(request: FastifyRequest, names: ReadonlySet<string>): void {
  // Injected requests have no local address; they are held to the same rule.
  const local = request.socket.localAddress;
  if (local !== undefined && !isLoopback(local)) return;
  const host = hostName(request.headers.host ?? '');
  if (host === 'localhost' || isLoopback(host) || names.has(host)) return;
  throw new MeridianError({
    code: 'E_HOST',
    message: `Host ${JSON.stringify(host.slice(0, 80))} is not a name of this server; use localhost or 127.0.0.1, or name it with --host`,
  });
}

/** True for 127.0.0.0/8, ::1 and their IPv4-mapped forms. */
export function isLoopback(text: string): boolean {
  const parsed = parseIp(text);
  if (parsed === undefined) return false;
  const { family, words } = unmapIp(parsed);
  if (family === 4) return words[0] >>> 24 === 127;
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1;
}

/** The host of a Host header, lower case, without port, brackets and final dot. */
function hostName(header: string): string {
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(header);
  const host = bracketed?.[1] ?? header.replace(/:\d*$/, '');
  return host.toLowerCase().replace(/\.$/, '');
}
