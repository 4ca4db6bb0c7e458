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
  /** Where it was when it was enrolled; undefined where that was not written down. */
  readonly location: string | undefined;
}

const keyFile = 'agent.key';
const nameFile = 'agent.json';

/**
 * Reads an agent's identity from its data folder; makes a key there (mode 0600) at the first start.
 * `file` is a key of the operator's own. Throws `E_PROBE_IDENTITY`.
 */
export function openIdentity(folder: string, file: string | undefined): Identity {
  const path = file ?? join(folder, keyFile);
  let identity: Pick<Identity, 'key' | 'publicKey'>;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (file === undefined && !existsSync(path)) {
      const { privateKey } = generateKeyPairSync('ed25519');
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
      writeFileSync(path, pem, { mode: 0o600, flag: 'wx', flush: true });
    }
    // Others who can read the key can speak in this agent's name.
    if ((statSync(path).mode & 0o077) !== 0) throw new Error('other users may read it; chmod 600');
    const key = createPrivateKey(readFileSync(path));
    if (key.asymmetricKeyType !== 'ed25519') throw new Error('it is no Ed25519 key');
    const der = createPublicKey(key).export({ type: 'spki', format: 'der' });
    const publicKey = der.subarray(der.length - 32).toString('base64url');
    identity = { key, publicKey };
  } catch (error) {
    const message = `the key of the agent cannot be used: ${errorText(error)}`;
    throw new MeridianError({ code: 'E_PROBE_IDENTITY', message, where: path }, { cause: error });
  }
  return { ...identity, ...readEnrolment(folder, identity.publicKey) };
}

/** What flags ask of an agent that is enrolled already, and so do not get. */
export function unheededWishes(
  { name, location }: Pick<Identity, 'name' | 'location'>,
  wish: { readonly name?: string; readonly location: string },
): string[] {
  return [
    ...(wish.name === undefined || wish.name === name ? [] : [`--name ${wish.name}`]),
    ...(location === undefined || wish.location === location
      ? []
      : [`--location ${wish.location}`]),
  ];
}

/** Writes down as what the key was enrolled, for the next start. */
export function keepEnrolment(
  folder: string,
  { publicKey }: Identity,
  name: string,
  location: string,
): void {
  const path = join(folder, nameFile);
  const temporary = `${path}.${process.pid}.tmp`;
  const text = `${JSON.stringify({ name, location, publicKey })}\n`;
  writeFileSync(temporary, text, { mode: 0o600, flush: true });
  renameSync(temporary, path);
}

/** What was written down for this key; undefined where there is nothing. Throws `E_PROBE_IDENTITY`. */
function readEnrolment(folder: string, publicKey: string): Pick<Identity, 'name' | 'location'> {
  const path = join(folder, nameFile);
  const nothing = { name: undefined, location: undefined };
  if (!existsSync(path)) return nothing;
  let form: Record<string, unknown>;
  try {
    form = Object(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    const message = `the name of the agent cannot be read: ${errorText(error)}; remove the file and start with a token, which enrols the same key again`;
    throw new MeridianError({ code: 'E_PROBE_IDENTITY', message, where: path }, { cause: error });
  }
  const { name, location } = form;
  if (form['publicKey'] !== publicKey || typeof name !== 'string') return nothing;
  return { name, location: typeof location === 'string' ? location : undefined };
}
