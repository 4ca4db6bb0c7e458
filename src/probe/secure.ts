import { X509Certificate } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import {
  checkServerIdentity,
  connect,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  type TLSSocket,
} from 'node:tls';
import type { TlsCheck } from '../health/monitor.ts';
import { type CheckContext, CheckFailure, type CheckResult, type Timings } from './check-result.ts';
import { at } from './connect.ts';

export const defaultTls: TlsCheck = { verify: true, minDaysLeft: 7 };

/** A TLS connection whose certificate was found good, and what there is to say of it. */
export interface Secured {
  readonly socket: TLSSocket;
  /** `up`, or `degraded` when the certificate runs out soon. */
  readonly finding: Pick<CheckResult, 'outcome' | 'error' | 'errorText'>;
}

/**
 * Makes the TLS handshake on a connected socket and judges the certificate: chain and name (unless
 * `verify` is off), validity, days left. Nothing is sent to a peer that fails. Throws CheckFailure.
 *
 * @param name server name for SNI and the certificate; undefined means the address itself
 */
export async function secure(
  socket: Socket,
  name: string | undefined,
  check: TlsCheck,
  protocols: readonly string[],
  context: CheckContext,
  timings: Timings,
): Promise<Secured> {
  const { clock } = context;
  const startMs = clock.monotonicMs();
  const address = socket.remoteAddress ?? '';
  const where = at(address, socket.remotePort ?? 0);
  const expected = name ?? address;
  const secured = await handshake(socket, expected, check, protocols, context, where);
  timings.tlsMs = clock.monotonicMs() - startMs;
  try {
    return {
      socket: secured,
      finding: judgeCertificate(secured, expected, check, where, clock.epochMs()),
    };
  } catch (failure) {
    secured.destroy();
    throw failure;
  }
}

function handshake(
  socket: Socket,
  name: string,
  check: TlsCheck,
  protocols: readonly string[],
  { signal }: CheckContext,
  where: string,
): Promise<TLSSocket> {
  const secureContext = contextFor(check.ca);
  return new Promise((resolve, reject) => {
    const secured = connect({
      socket,
      secureContext,
      host: name,
      // RFC 6066 §3: an address is never sent as a server name.
      ...(isIP(name) === 0 ? { servername: name } : {}),
      // The handshake always ends, so that what is wrong can be told; judgeCertificate() decides.
      rejectUnauthorized: false,
      ALPNProtocols: [...protocols],
    });
    const onAbort = () => fail(new CheckFailure('tls-timeout', `${where}: no handshake in time`));
    const onEnd = () => fail(new CheckFailure('tls-handshake', `${where} closed in the handshake`));
    const onError = ({ message }: Error) =>
      fail(new CheckFailure('tls-handshake', `${where}: ${message}`));
    const release = () => {
      signal.removeEventListener('abort', onAbort);
      secured.off('error', onError).off('end', onEnd).off('close', onEnd);
    };
    const fail = (failure: CheckFailure) => {
      release();
      secured.on('error', () => {});
      secured.destroy();
      socket.destroy();
      reject(failure);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    secured.on('error', onError).on('end', onEnd).on('close', onEnd);
    secured.once('secureConnect', () => {
      release();
      secured.on('error', () => {});
      resolve(secured);
    });
  });
}

const untrusted: Readonly<Record<string, 'tls-expired' | 'tls-not-yet-valid' | 'tls-name'>> = {
  CERT_HAS_EXPIRED: 'tls-expired',
  CERT_NOT_YET_VALID: 'tls-not-yet-valid',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls-name',
};

function judgeCertificate(
  socket: TLSSocket,
  name: string,
  check: TlsCheck,
  where: string,
  epochMs: number,
): Secured['finding'] {
  if (check.verify && !socket.authorized) {
    const reason: unknown = socket.authorizationError;
    const code = reason instanceof Error ? String(Reflect.get(reason, 'code')) : String(reason);
    const text =
      code === 'ERR_TLS_CERT_ALTNAME_INVALID'
        ? checkServerIdentity(name, socket.getPeerCertificate())?.message
        : code.toLowerCase().replaceAll('_', ' ');
    throw new CheckFailure(untrusted[code] ?? 'tls-untrusted', `${where}: ${text}`);
  }
  const { valid_to: validTo } = socket.getPeerCertificate();
  const endMs = Date.parse(validTo ?? '');
  if (Number.isNaN(endMs)) return { outcome: 'up' };
  const daysLeft = (endMs - epochMs) / 86_400_000;
  if (daysLeft >= check.minDaysLeft) return { outcome: 'up' };
  const left = daysLeft < 0 ? 'has expired' : `has ${Math.floor(daysLeft)} days left`;
  return {
    outcome: 'degraded',
    error: 'tls-expiring',
    errorText: `${where}: the certificate ${left} (until ${validTo})`,
  };
}

const contexts = new Map<string, SecureContext>();

/** Trust anchors take milliseconds to parse, so contexts are kept; few monitors bring their own. */
function contextFor(ca: string | undefined): SecureContext {
  const key = ca ?? '';
  let made = contexts.get(key);
  if (made === undefined) {
    // Node passes over what it cannot read among many anchors; this throws.
    if (ca !== undefined) new X509Certificate(ca);
    made = createSecureContext(
      ca === undefined ? {} : { ca: [...getCACertificates('default'), ca] },
    );
    if (contexts.size >= 64) contexts.clear();
    contexts.set(key, made);
  }
  return made;
}
