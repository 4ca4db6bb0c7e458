import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { errorText, MeridianError } from '../base/errors.ts';

/** What a process can do with the cluster's key: everybody verifies, controllers also sign. */
export interface ClusterKeys {
  /** Signs bytes; absent where only the public key is held. 64 bytes. */
  readonly sign?: (bytes: Uint8Array) => Uint8Array;
  verify(bytes: Uint8Array, signature: Uint8Array): boolean;
}

/** A new key pair (Ed25519, RFC 8032) as PEM: PKCS #8 and SubjectPublicKeyInfo. */
export function generateClusterKeys(): { readonly privatePem: string; readonly publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/**
 * Reads a PEM file's text: a private key can sign and verify, a public one verify. `where` names the
 * file in messages. Throws MeridianError `E_CLUSTER_KEY`.
 */
export function readClusterKeys(pem: string, where: string): ClusterKeys {
  const isPrivate = /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/.test(pem);
  let key: KeyObject;
  try {
    key = isPrivate ? createPrivateKey(pem) : createPublicKey(pem);
  } catch (error) {
    throw unusable(`the file holds no PEM key (${errorText(error)})`, where);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw unusable(`the key is of type ${key.asymmetricKeyType ?? 'unknown'}, not Ed25519`, where);
  }
  const publicKey = isPrivate ? createPublicKey(key) : key;
  const check = (bytes: Uint8Array, signature: Uint8Array) =>
    signature.length === 64 && verify(null, bytes, publicKey, signature);
  return isPrivate ? { sign: (bytes) => sign(null, bytes, key), verify: check } : { verify: check };
}

function unusable(what: string, where: string): MeridianError {
  const message = `${what}; make a pair with "meridian cluster-key DIR"`;
  return new MeridianError({ code: 'E_CLUSTER_KEY', message, where });
}
