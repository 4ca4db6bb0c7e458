import { readFileSync } from 'node:fs';
import { errorText, MeridianError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { type ClusterKeys, readClusterKeys } from '../../cluster/keys.ts';
import type { ClusterOptions } from '../cluster-flags.ts';
import { type Endpoint, formatEndpoint } from '../flags.ts';

/** Reads the cluster's key and makes sure that it fits the role. Throws `E_CLUSTER_KEY`. */
export function keysOf({ keyFile, role }: ClusterOptions, log: Log): ClusterKeys {
  let pem: string;
  try {
    pem = readFileSync(keyFile, 'utf8');
  } catch (error) {
    const message = `the key cannot be read: ${errorText(error)}; make a pair with "meridian cluster-key DIR"`;
    throw new MeridianError({ code: 'E_CLUSTER_KEY', message, where: keyFile });
  }
  const keys = readClusterKeys(pem, keyFile);
  if (role !== 'node' && keys.sign === undefined) {
    const message = `--role ${role} signs what it publishes, and this is the public key; give it cluster.key`;
    throw new MeridianError({ code: 'E_CLUSTER_KEY', message, where: keyFile });
  }
  if (role === 'node' && keys.sign !== undefined) {
    const text = `${keyFile} is the private key, which a node does not need; give it cluster.pub`;
    log.warn({ file: keyFile }, text);
    return { verify: keys.verify };
  }
  return keys;
}

/** Where other controllers reach this API; empty, with a warning, where that cannot be known. */
export function urlOf(
  { advertise, role }: ClusterOptions,
  http: Endpoint,
  isTls: boolean,
  log: Log,
): string {
  if (role === 'node') return '';
  if (advertise !== undefined) return advertise;
  const isOneAddress = http.host !== '0.0.0.0' && http.host !== '::' && http.port !== 0;
  if (isOneAddress) return `${isTls ? 'https' : 'http'}://${formatEndpoint(http)}`;
  const text = `writes cannot be forwarded here: --http ${formatEndpoint(http)} is no address to call; name one with --advertise URL`;
  log.warn({}, text);
  return '';
}
