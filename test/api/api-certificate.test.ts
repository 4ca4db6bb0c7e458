import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { Agent } from 'undici';
import { readCertificate, watchCertificate } from '../../src/api/api-certificate.ts';
import { listenApi, tlsServerOf } from '../../src/api/listen-api.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError } from '../../src/base/errors.ts';
import type { Log } from '../../src/base/log.ts';
import { enrol } from '../../src/probe/control-client.ts';
import { missing } from '../e2e/support/processes.ts';
import { Authority, type Certificate } from '../probe/checks/certificates.ts';
import { startHarness } from './harness.ts';

const skip = missing('openssl');
const authority = skip === false ? new Authority() : undefined;
after(() => authority?.dispose());

const issue = (days = 30): Certificate => {
  if (authority === undefined) throw new Error('no openssl');
  return authority.issue(['IP:127.0.0.1', 'DNS:localhost'], days);
};

function filesOf(t: { after(callback: () => void): void }, { cert, key }: Certificate) {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-api-certificate-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const files = { cert: join(folder, 'api.pem'), key: join(folder, 'api.key') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}

function notes(): { readonly log: Log; readonly lines: string[] } {
  const lines: string[] = [];
  const note = (_fields: object, text: string) => void lines.push(text);
  return { log: { debug: note, info: note, warn: note, error: note } as unknown as Log, lines };
}

/** Asks over TLS on a connection of its own. */
function ask(port: number): Promise<{ readonly status: number; readonly peer: PeerCertificate }> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: '/livez', ca: authority?.ca, agent: false };
    const asked = request(options, (answer) => {
      const peer = (answer.socket as TLSSocket).getPeerCertificate();
      answer.resume();
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, peer }));
    });
    asked.once('error', reject).end();
  });
}

const codeOf = (error: unknown) => error instanceof MeridianError && error.problems[0]?.code;

test('readCertificate() says which file is wrong', { skip }, (t) => {
  const files = filesOf(t, issue());
  assert.equal(readCertificate(files).files, files);
  const other = filesOf(t, issue());
  const cases: readonly [typeof files, RegExp][] = [
    [{ ...files, cert: join(files.cert, 'none') }, /none cannot be read as the certificate/],
    [{ ...files, key: `${files.key}.none` }, /none cannot be read as the key/],
    [{ ...files, cert: files.key }, /api\.key is no certificate in PEM form/],
    [{ ...files, key: other.key }, /api\.key is not the unencrypted PEM key of .*api\.pem/],
  ];
  for (const [wrong, text] of cases) {
    assert.throws(
      () => readCertificate(wrong),
      (error) => {
        assert.equal(codeOf(error), 'E_CERTIFICATE');
        assert.match(String((error as Error).message), text);
        assert.match(String((error as Error).message), /--http-cert.*--http-key/);
        return true;
      },
    );
  }
});

test('an API with a certificate speaks TLS, and nothing else', { skip }, async (t) => {
  const harness = await startHarness({ certificate: readCertificate(filesOf(t, issue())) });
  t.after(() => harness.close());
  const { url, port } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
  assert.equal(url, `https://127.0.0.1:${port}`);
  const { status, peer } = await ask(port);
  assert.equal(status, 200);
  assert.match(peer.subjectaltname ?? '', /IP Address:127\.0\.0\.1/);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/livez`));
});

test('an agent that does not trust the certificate says how to', { skip }, async (t) => {
  const harness = await startHarness({ certificate: readCertificate(filesOf(t, issue())) });
  t.after(() => harness.close());
  const { url } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
  const dispatcher = new Agent();
  t.after(() => dispatcher.destroy());
  const wish = { location: 'aws:eu-west-1', publicKey: '' };
  await assert.rejects(
    enrol(url, 'mrd_token', wish, dispatcher, new AbortController().signal),
    /certificate of https:\/\/127.* is not trusted \(UNABLE_TO_VERIFY_LEAF_SIGNATURE\).*--ca FILE/,
  );
});

test('a renewed certificate is taken, a broken one is not (invariant 3)', { skip }, async (t) => {
  const files = filesOf(t, issue());
  const first = readCertificate(files);
  const harness = await startHarness({ certificate: first });
  t.after(() => harness.close());
  const { port } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
  const clock = new VirtualClock(Date.now());
  const { log, lines } = notes();
  const watched = watchCertificate(
    first,
    tlsServerOf(harness.api) ?? assert.fail('no TLS'),
    clock,
    log,
  );
  t.after(() => watched.close());
  const before = await ask(port);

  // A key that is there before its certificate is nothing to act on, and is reported once.
  const next = issue(60);
  writeFileSync(files.key, next.key);
  clock.advance(120_000);
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0] ?? '', /the API keeps the certificate that it has/);
  assert.equal((await ask(port)).peer.serialNumber, before.peer.serialNumber);

  writeFileSync(files.cert, next.cert);
  clock.advance(30_000);
  assert.equal(watched.current, first);
  clock.advance(30_000);
  assert.equal(watched.current.cert, next.cert);
  assert.match(lines[1] ?? '', /the API has a new certificate, valid until 20/);
  assert.notEqual((await ask(port)).peer.serialNumber, before.peer.serialNumber);
  clock.advance(120_000);
  assert.equal(lines.length, 2);
});

test('an expired certificate is served with a warning: clients decide', { skip }, (t) => {
  const first = readCertificate(filesOf(t, issue(1)));
  const { log, lines } = notes();
  const server = { setSecureContext: () => assert.fail('nothing has changed') };
  const late = new VirtualClock(first.validToMs + 1000);
  watchCertificate(first, server, late, log).close();
  const early = new VirtualClock(first.validFromMs - 1000);
  watchCertificate(first, server, early, log).close();
  assert.match(lines[0] ?? '', /has expired at .*renew it/);
  assert.match(lines[1] ?? '', /is valid from .* only; look at this machine's clock/);
});
