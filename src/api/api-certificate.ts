import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:tls';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

/** The files of a certificate, PEM: the chain with the leaf first, and the leaf's key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that the API can be offered with. */
export interface ApiCertificate {
  readonly files: CertificateFiles;
  readonly cert: string;
  readonly key: string;
  /** When the leaf is valid, milliseconds since 1970. */
  readonly validFromMs: number;
  readonly validToMs: number;
  /** Digest of both files. */
  readonly signature: string;
}

/**
 * Reads a certificate and its key. Throws MeridianError `E_CERTIFICATE` where one cannot be read or they
 * do not belong together; an expired one is no error, since clients decide whom they trust.
 */
export function readCertificate(files: CertificateFiles): ApiCertificate {
  const cert = readPem(files.cert, 'the certificate');
  const key = readPem(files.key, 'the key');
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
  } catch (error) {
    throw unusable(files.cert, `is no certificate in PEM form (${errorText(error)})`, error);
  }
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    const what = `is not the unencrypted PEM key of ${files.cert} (${errorText(error)})`;
    throw unusable(files.key, what, error);
  }
  return {
    files,
    cert,
    key,
    validFromMs: Date.parse(leaf.validFrom),
    validToMs: Date.parse(leaf.validTo),
    signature: createHash('sha256').update(cert).update('\0').update(key).digest('hex'),
  };
}

/** A certificate that is looked after. */
export interface WatchedCertificate {
  /** What serves. */
  readonly current: ApiCertificate;
  close(): void;
}

/** Between two looks at the files; renewals come weeks before they are needed. */
const lookEveryMs = 30_000;

/**
 * Looks at the files now and then, and lets `server` go on with what stands there once it is whole and
 * has been the same twice in a row; connections that are open keep theirs. What cannot be used is
 * reported once, and what served before serves on (invariant 3).
 */
export function watchCertificate(
  first: ApiCertificate,
  server: Pick<Server, 'setSecureContext'>,
  clock: Clock,
  log: Log,
): WatchedCertificate {
  const { files } = first;
  let current = first;
  let settling: string | undefined;
  let reported: string | undefined;
  let cancel = () => {};
  const look = () => {
    try {
      const next = readCertificate(files);
      reported = undefined;
      if (next.signature === current.signature) settling = undefined;
      else if (next.signature !== settling) settling = next.signature;
      else {
        server.setSecureContext({ cert: next.cert, key: next.key, minVersion: leastTls });
        current = next;
        settling = undefined;
        const until = new Date(next.validToMs).toISOString();
        log.info(
          { file: files.cert, until },
          `the API has a new certificate, valid until ${until}`,
        );
        warnOfDates(next, clock, log);
      }
    } catch (error) {
      const text = errorText(error);
      if (text !== reported) {
        log.error({ file: files.cert }, `the API keeps the certificate that it has: ${text}`);
      }
      reported = text;
    }
    cancel = clock.setTimer(lookEveryMs, look);
  };
  warnOfDates(first, clock, log);
  cancel = clock.setTimer(lookEveryMs, look);
  return {
    get current() {
      return current;
    },
    close: () => cancel(),
  };
}

/** RFC 9325 §3.1.1: nothing older. */
export const leastTls = 'TLSv1.2';

function warnOfDates(
  { files, validFromMs, validToMs }: ApiCertificate,
  clock: Clock,
  log: Log,
): void {
  const nowMs = clock.epochMs();
  const file = files.cert;
  if (nowMs > validToMs) {
    const text = `${file} has expired at ${new Date(validToMs).toISOString()}: clients refuse it; renew it`;
    log.warn({ file }, text);
  } else if (nowMs < validFromMs) {
    const text = `${file} is valid from ${new Date(validFromMs).toISOString()} only; look at this machine's clock`;
    log.warn({ file }, text);
  }
}

function readPem(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw unusable(file, `cannot be read as ${what} of the API (${errorText(error)})`, error);
  }
}

function unusable(file: string, what: string, cause: unknown): MeridianError {
  const message = `${file} ${what}; name the certificate chain with --http-cert and its key with --http-key`;
  return new MeridianError({ code: 'E_CERTIFICATE', message, where: file }, { cause });
}
