import { lookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { type buildConnector, Client, type Dispatcher } from 'undici';
import { errorText } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { HttpCheck, TlsCheck } from '../../health/monitor.ts';
import type { CheckTarget } from '../../health/report.ts';
import {
  type Check,
  type CheckContext,
  CheckFailure,
  portOf,
  settleCheck,
  type Timings,
} from '../check-result.ts';
import { at, connectTcp } from '../connect.ts';
import { type HttpAnswer, judgeAnswer } from '../judge-body.ts';
import { defaultTls, type Secured, secure } from '../secure.ts';

const defaultHttp: HttpCheck = {
  method: 'GET',
  path: '/',
  headers: {},
  statuses: [[200, 299]],
  redirects: 0,
};

/** One request on the way through redirects. */
interface Hop {
  readonly url: URL;
  /** Where it connects to, whatever the URL's host says. */
  readonly address: string;
  /** The monitor's host as it is written, where it is sent instead of the URL's. */
  readonly host: string | undefined;
  /** True while the connection goes to the VIP. */
  readonly isHome: boolean;
  /**
   * The monitor's own headers may hold secrets: they go to the VIP alone, and never down to http.
   */
  readonly sendsHeaders: boolean;
}

/**
 * Makes one HTTP/1.1 request to the VIP on a connection of its own. The Host header and SNI come
 * from the monitor; no name is resolved, since the VIP is what is checked. Redirects are followed
 * only when asked: back to the VIP while they stay on its name, elsewhere by DNS and through the
 * guard. Times are those of the first request.
 */
export const checkHttp: Check = (target, context) =>
  settleCheck(async (timings) => {
    const check = target.monitor.http ?? defaultHttp;
    const tls = target.monitor.tls ?? defaultTls;
    let hop = firstHop(target, check);
    const home = hop;
    let finding: Secured['finding'] = { outcome: 'up' };
    for (let redirects = 0; ; redirects++) {
      const hopTimings: Timings = redirects === 0 ? timings : {};
      const { answer, location, secured } = await exchange(hop, check, tls, context, hopTimings);
      if (redirects === 0 && secured !== undefined) finding = secured;
      if (location === undefined || check.redirects === 0) {
        const judged = judgeAnswer(check, answer);
        return judged.outcome === 'up' ? finding : judged;
      }
      if (redirects >= check.redirects) {
        throw new CheckFailure('http-redirect', `more than ${check.redirects} redirects`);
      }
      hop = await nextHop(hop, home, location, context);
    }
  });

function firstHop(target: CheckTarget, { host, path }: HttpCheck): Hop {
  const { address, monitor } = target;
  const port = portOf(target);
  const url = new URL(`${monitor.type}://${at(address, port)}`);
  if (host !== undefined) {
    // A host may be written with a port of its own, which is only for the header.
    const name = host.replace(/:\d+$/, '');
    url.hostname = name;
    if (!URL.canParse(`${monitor.type}://${name}`)) {
      throw new CheckFailure('check-invalid', `"${host}" is no host`, 'unknown');
    }
  }
  const [pathname = '/', query] = path.split(/\?(.*)/s);
  url.pathname = pathname;
  if (query !== undefined) url.search = query;
  return { url, address, host, isHome: true, sendsHeaders: true };
}

async function nextHop(
  from: Hop,
  home: Hop,
  location: string,
  context: CheckContext,
): Promise<Hop> {
  const url = URL.canParse(location, from.url.href) ? new URL(location, from.url.href) : undefined;
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new CheckFailure('http-redirect', `redirect to "${location}"`);
  }
  if (url.hostname === home.url.hostname) {
    const isSamePort = url.port === home.url.port && url.protocol === home.url.protocol;
    const host = isSamePort ? home.host : undefined;
    const sendsHeaders = home.url.protocol === 'http:' || url.protocol === 'https:';
    return { url, address: home.address, host, isHome: true, sendsHeaders };
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const addresses = isIP(host) !== 0 ? [host] : await resolve(host, context);
  const refusals = addresses.map((address) => context.guard.refusal(address));
  const address = addresses.find((_, place) => refusals[place] === undefined);
  if (address === undefined) {
    const why = refusals[0] ?? `${host} has no address`;
    throw new CheckFailure('redirect-refused', `redirect to ${url.host}: ${why}`);
  }
  return { url, address, host: undefined, isHome: false, sendsHeaders: false };
}

async function resolve(name: string, { signal }: CheckContext): Promise<string[]> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(new CheckFailure('http-timeout', `${name} was not resolved in time`));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const found = await Promise.race([lookup(name, { all: true }), aborted]);
    return found.map(({ address }) => address);
  } catch (thrown) {
    if (thrown instanceof CheckFailure) throw thrown;
    throw new CheckFailure('http-redirect', `redirect to ${name}: ${errorText(thrown)}`);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

interface Exchange {
  readonly answer: HttpAnswer;
  /** Target of a redirect. */
  readonly location: string | undefined;
  readonly secured: Secured['finding'] | undefined;
}

async function exchange(
  hop: Hop,
  check: HttpCheck,
  tls: TlsCheck,
  context: CheckContext,
  timings: Timings,
): Promise<Exchange> {
  const { url, address, host } = hop;
  const { signal, clock } = context;
  const isSecure = url.protocol === 'https:';
  const port = Number(url.port) || (isSecure ? 443 : 80);
  // The monitor's server name is the VIP's; a redirect to another host has that host's.
  const name = (hop.isHome ? tls.serverName : undefined) ?? url.hostname.replace(/^\[|\]$/g, '');
  // The connection is made here and handed to undici, so that its failures are this check's own.
  const tcp = await connectTcp(address, port, context, timings);
  const secured = isSecure
    ? await secure(tcp, name, tls, ['http/1.1'], context, timings)
    : undefined;
  const socket = secured?.socket ?? tcp;
  const client = new Client(url.origin, {
    connect: handOver(socket, at(address, port)),
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    allowH2: false,
  });
  const startMs = clock.monotonicMs();
  try {
    const response = await client.request({
      method: check.method,
      path: url.pathname + url.search,
      headers: {
        'user-agent': 'meridian-probe',
        accept: '*/*',
        'accept-encoding': 'identity',
        ...(hop.sendsHeaders ? lowerCased(check.headers) : {}),
        ...(host === undefined ? {} : { host }),
      },
      signal,
      reset: true,
    });
    timings.firstByteMs = clock.monotonicMs() - startMs;
    return {
      answer: await readAnswer(response),
      location: locationOf(response),
      secured: secured?.finding,
    };
  } catch (thrown) {
    throw exchangeFailure(thrown, at(address, port), signal);
  } finally {
    client.destroy().catch(() => {});
    socket.destroy();
  }
}

/**
 * A connector that gives undici this one connection, once. It would ask again where a peer closes
 * before the request was written, and go on asking for as long as it got a dead connection. It
 * takes no answer before its own call has returned.
 */
function handOver(socket: Socket, where: string): buildConnector.connector {
  let isGiven = false;
  return (_options, callback) => {
    const isUsable = !isGiven && !socket.destroyed;
    isGiven = true;
    queueMicrotask(() => {
      if (isUsable) callback(null, socket);
      else callback(new CheckFailure('http-closed', `${where} closed before it was asked`), null);
    });
  };
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  );
}

async function readAnswer({
  statusCode,
  headers,
  body,
}: Dispatcher.ResponseData): Promise<HttpAnswer> {
  body.on('error', () => {});
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > limits.checkBodyBytes) break;
  }
  return {
    status: statusCode,
    contentType: first(headers['content-type']) ?? '',
    body: Buffer.concat(chunks).subarray(0, limits.checkBodyBytes).toString('utf8'),
    isCut: bytes > limits.checkBodyBytes,
  };
}

function locationOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const isRedirect = [301, 302, 303, 307, 308].includes(statusCode);
  return isRedirect ? first(headers['location']) : undefined;
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

function exchangeFailure(thrown: unknown, where: string, signal: AbortSignal): unknown {
  if (thrown instanceof CheckFailure) return thrown;
  if (signal.aborted) return new CheckFailure('http-timeout', `${where}: no whole answer in time`);
  const { code = '', message } = thrown as NodeJS.ErrnoException;
  // undici refuses what it cannot send (a header value with a line break) before it is sent.
  if (code === 'UND_ERR_INVALID_ARG') return thrown;
  if (code === 'UND_ERR_SOCKET' || code === 'ECONNRESET' || code === 'EPIPE') {
    return new CheckFailure('http-closed', `${where} closed before it had answered`);
  }
  return new CheckFailure('http-protocol', `${where}: ${message}`);
}
