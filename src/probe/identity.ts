import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, MeridianError } from '../base/errors.ts';

/** Who an agent is: the key that it signs with, and its name once it is enrolled. */
export interface Identity {
  readonly key: KeyObject;
  /** Ed25519, 32 octets, base64url. */
  readonly publicKey: string;
  /** Undefined until it is enrolled. */
  readonly name: string | undefined;
}

const keyFile = 'agent.key';
const nameFile = 'agent.json';

/**
 * Reads an agent's identity from its data folder; makes a key there (mode 0600) at the first start.
 * `file` is a key of the operator's own. Throws `E_PROBE_IDENTITY`.
 */
export function openIdentity(folder: string, file: string | undefined): Identity {
  const path = file ?? join(folder, keyFile);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (file === undefined && !existsSync(path)) {
      const { privateKey } = generateKeyPairSync('ed25519');
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      writeFileSync(path, pem, { mode: 0o600, flag: 'wx' });
    }
    // Others who can read the key can speak in this agent's name.
    if ((statSync(path).mode & 0o077) !== 0) throw new Error('other users may read it; chmod 600');
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is no Ed25519 key');
    const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const publicKey = der.subarray(der.length - 32).toString('base64url');
    return { key, publicKey, name: readName(folder, publicKey) };
  } catch (error) {
    const message = `the key of the agent cannot be used: ${errorText(error)}`;
    throw new MeridianError({ code: 'E_PROBE_IDENTITY', message, where: path }, { cause: error });
  }
}

/** Writes down under which name the key was enrolled, for the next start. */
export function keepName(folder: string, { publicKey }: Identity, name: string): void {
  const path = join(folder, nameFile);
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify({ name, publicKey })}\n`, { mode: 0o600 });
  renameSync(temporary, path);
}

/** The name that was written down for this key; undefined where there is none. */
function readName(folder: string, publicKey: string): string | undefined {
  const path = join(folder, nameFile);
  if (!existsSync(path)) return undefined;
  const form = JSON.parse(readFileSync(path, 'utf8')) as { name?: unknown; publicKey?: unknown };
  return form.publicKey === publicKey && typeof form.name === 'string' ? form.name : undefined;
}
