import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';
import { generateClusterKeys, readClusterKeys } from '../../src/cluster/keys.ts';
import { Envelope } from '../../src/cluster/messages.ts';

const { privatePem, publicPem } = generateClusterKeys();

test('readClusterKeys() makes signers of private keys and verifiers of public ones', () => {
  const signer = readClusterKeys(privatePem, 'private.pem');
  const verifier = readClusterKeys(publicPem, 'public.pem');
  assert.equal(verifier.sign, undefined);
  const text = Buffer.from('hello');
  const signature = signer.sign?.(text) ?? assert.fail();
  assert.equal(signature.length, 64);
  for (const keys of [signer, verifier]) {
    assert.equal(keys.verify(text, signature), true);
    assert.equal(keys.verify(Buffer.from('hullo'), signature), false);
    assert.equal(keys.verify(text, signature.subarray(1)), false);
  }
});

test('readClusterKeys() refuses other keys and other files', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ec = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const [pem, text] of [
    [ec, /of type ec, not Ed25519/],
    ['nothing', /holds no PEM key/],
    ['', /holds no PEM key/],
    [privatePem.replace(/[A-Za-z0-9+/]{20}/, ''), /holds no PEM key/],
  ] as const) {
    assert.throws(
      () => readClusterKeys(pem, 'key.pem'),
      (error) => {
        assert.ok(error instanceof MeridianError && error.code === 'E_CLUSTER_KEY');
        assert.match(error.message, text);
        assert.match(error.message, /^key\.pem: .*; make a pair with "meridian cluster-key DIR"/);
        return true;
      },
    );
  }
});

const envelope = new Envelope('test', readClusterKeys(privatePem, 'x'));

test('Envelope: open() gives back what seal() was given, short or long', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(
        envelope.open('log', envelope.seal('log', value)),
        JSON.parse(JSON.stringify(value)),
      );
    }),
    { numRuns: 50 },
  );
  const long = 'abc'.repeat(limits.plainMessageBytes);
  const sealed = envelope.seal('health', { long });
  assert.ok(sealed.length < limits.plainMessageBytes);
  assert.deepEqual(envelope.open('health', sealed), { long });
});

test('Envelope: open() refuses any message with one bit changed, and any bytes, without throwing', () => {
  const sealed = envelope.seal('log', { kind: 'term' });
  fc.assert(
    fc.property(fc.nat({ max: sealed.length * 8 - 1 }), (bit) => {
      const forged = Uint8Array.from(sealed);
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.equal(envelope.open('log', forged), undefined);
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(envelope.open('log', bytes), undefined);
    }),
  );
});
