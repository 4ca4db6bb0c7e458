import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A certificate with its key, PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * Makes certificates with the openssl program, so that no key is ever committed; call `dispose` in
 * the end. One authority signs them all.
 */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'meridian-certificates-'));
  readonly ca: string;
  #serial = 1;

  constructor() {
    this.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', 'ca.key', '-out', 'ca.pem', '-days', '100', '-subj', '/CN=Test authority'],
      ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'],
    );
    this.ca = readFileSync(join(this.#folder, 'ca.pem'), 'utf8');
  }

  /** `names` as openssl writes them: `DNS:www.example.com`, `IP:127.0.0.1`. */
  issue(names: readonly string[], days: number): Certificate {
    const serial = String(this.#serial++);
    const file = (ending: string) => join(this.#folder, `${serial}.${ending}`);
    writeFileSync(file('ext'), `subjectAltName=${names.join(',')}\n`);
    this.#openssl(
      ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-keyout', file('key'), '-out', file('csr'), '-subj', '/CN=leaf'],
    );
    this.#openssl(
      ...['x509', '-req', '-in', file('csr'), '-CA', 'ca.pem', '-CAkey', 'ca.key'],
      ...['-set_serial', serial, '-days', String(days), '-extfile', file('ext')],
      ...['-out', file('pem')],
    );
    return { cert: readFileSync(file('pem'), 'utf8'), key: readFileSync(file('key'), 'utf8') };
  }

  dispose(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #openssl(...words: string[]): void {
    execFileSync('openssl', words, { cwd: this.#folder, stdio: 'pipe' });
  }
}
