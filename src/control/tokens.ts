import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Store, StoredToken } from '../store/store.ts';
import { nameKey } from '../wire/names.ts';
import type { NameKey } from '../zone/zone.ts';
import { show } from './findings.ts';
import { parseTime } from './parse-time.ts';

/**
 * What a request needs: `read` what is there, `write` it, `enroll` an agent, or `admin`, which is tokens and all else
 * that could lift its own rights. With `zone` a scope for that zone is enough.
 */
export interface Need {
  readonly verb: 'read' | 'write' | 'admin' | 'enroll';
  readonly zone?: NameKey;
}

/** What a new token shall be. */
export interface TokenWish {
  readonly name: string;
  /**
   * `read`, `write`, `admin`, `read:zone:example.com.`, `write:zone:example.com.`, `agent:enroll`,
   * `agent:enroll:once` (the token is gone once an agent was enrolled with it).
   */
  readonly scopes: readonly string[];
  /** RFC 3339; null or absent for never. */
  readonly expiresAt?: string | null;
}

/** A token as it may be shown: without the hash of its secret. */
export type TokenInfo = Omit<StoredToken, 'hash'>;

/** Lets its bearer enrol agents, and nothing else. */
export const enrollScope = 'agent:enroll';
/** The same for one agent. */
export const enrollOnceScope = 'agent:enroll:once';

const plainScopes: readonly string[] = ['read', 'write', 'admin', enrollScope, enrollOnceScope];

/** The id of the token that MERIDIAN_ADMIN_TOKEN sets; the environment is its only source. */
export const environmentTokenId = 'environment';

/**
 * Access tokens: 256 random bits that are shown once; the store keeps their SHA-256. (A slow hash is
 * for passwords; nobody guesses 256 bits.)
 */
export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  #all: readonly StoredToken[];
  /** Called when the tokens that a cluster shares have changed by a request here. */
  onChange: () => void = () => {};

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#all = store.tokens();
  }

  /** Every token, expired ones included. */
  list(): readonly TokenInfo[] {
    return this.#all.map(infoOf);
  }

  /** The tokens that a cluster shares: all but that of this process's environment. */
  shared(): readonly StoredToken[] {
    return this.#all.filter(({ id }) => id !== environmentTokenId);
  }

  /** Takes tokens of the cluster, and with `whole` lets go of shared ones that are not among them. */
  take(tokens: ReadonlyMap<string, StoredToken | null>, whole: boolean): void {
    const known = new Map(this.shared().map((token) => [token.id, token]));
    for (const [id, token] of tokens) {
      if (id === environmentTokenId) continue;
      if (token === null) this.#store.deleteToken(id);
      else if (JSON.stringify(known.get(id)) !== JSON.stringify(token)) this.#store.putToken(token);
      known.delete(id);
    }
    if (whole) for (const id of known.keys()) this.#store.deleteToken(id);
    this.#all = this.#store.tokens();
  }

  /** Makes a token; the secret is in the result and nowhere else. Throws `E_TOKEN_SCOPE` and others. */
  create(wish: TokenWish): { readonly secret: string; readonly token: TokenInfo } {
    const problems: Problem[] = [];
    const scopes = readScopes(wish.scopes, problems);
    if (!/^[\x21-\x7e][\x20-\x7e]{0,63}$/.test(wish.name)) {
      const message = `token name ${show(wish.name)} is not 1 to 64 printable ASCII characters; choose another`;
      problems.push({ code: 'E_FORM_VALUE', message, where: '/name' });
    }
    const expiryMs = readExpiry(wish.expiresAt ?? null, this.#clock.epochMs(), problems);
    if (this.#all.length >= limits.tokens) {
      const message = `there are ${this.#all.length} tokens; delete some (at most ${limits.tokens})`;
      problems.push({ code: 'E_LIMIT', message });
    }
    if (problems.length > 0) throw new MeridianError(problems);
    const secret = `mrd_${randomBytes(32).toString('base64url')}`;
    const token: StoredToken = {
      id: randomBytes(8).toString('hex'),
      name: wish.name,
      hash: hashOf(secret),
      scopes,
      expiresAt: expiryMs === undefined ? null : new Date(expiryMs).toISOString(),
      createdAt: new Date(this.#clock.epochMs()).toISOString(),
    };
    this.#put(token);
    return { secret, token: infoOf(token) };
  }

  /** The token that a secret belongs to; undefined for an unknown or expired one. */
  verify(secret: string): TokenInfo | undefined {
    const given = Buffer.from(hashOf(secret), 'hex');
    let found: StoredToken | undefined;
    // Every token is compared, in constant time, so that the time says nothing about any of them.
    for (const token of this.#all) {
      const known = Buffer.from(token.hash, 'hex');
      if (known.length === given.length && timingSafeEqual(known, given)) found = token;
    }
    if (found === undefined || this.#isExpired(found)) return undefined;
    return infoOf(found);
  }

  /** True when a token may do what a request needs; `allows` says the rule. */
  allows(token: Pick<StoredToken, 'scopes'>, verb: Need['verb'], zone?: NameKey): boolean {
    return allows(token.scopes, zone === undefined ? { verb } : { verb, zone });
  }

  /** Takes a token away; false when there is none with this id. */
  remove(id: string): boolean {
    const deleted = this.#store.deleteToken(id);
    this.#all = this.#store.tokens();
    if (deleted) this.onChange();
    return deleted;
  }

  /**
   * Makes sure that somebody can get in: the token of the environment where it is set (and no longer
   * an earlier one), else, in a store without an admin, a new one, whose secret is returned to be
   * shown. Throws `E_TOKEN_WEAK` for a chosen secret that is too short.
   */
  ensureAdmin(environmentSecret: string | undefined): string | undefined {
    if (environmentSecret !== undefined && environmentSecret !== '') {
      this.#takeEnvironment(environmentSecret);
      return undefined;
    }
    if (this.#all.some(({ id }) => id === environmentTokenId)) this.remove(environmentTokenId);
    const usable = this.#all.some(
      (token) => token.scopes.includes('admin') && !this.#isExpired(token),
    );
    return usable ? undefined : this.create({ name: 'admin', scopes: ['admin'] }).secret;
  }

  #takeEnvironment(secret: string): void {
    const isVisible = /^[\x21-\x7e]*$/.test(secret);
    if (secret.length < limits.chosenTokenMinChars || !isVisible) {
      const what = isVisible
        ? `has ${secret.length} characters`
        : 'holds a space or what is no visible ASCII character';
      const message =
        `the admin token ${what}; use at least ${limits.chosenTokenMinChars} visible ASCII ` +
        'characters, best random ones';
      const where = 'MERIDIAN_ADMIN_TOKEN';
      throw new MeridianError({ code: 'E_TOKEN_WEAK', message, where });
    }
    const hash = hashOf(secret);
    if (this.#all.some((token) => token.id === environmentTokenId && token.hash === hash)) return;
    this.#put({
      id: environmentTokenId,
      name: 'admin',
      hash,
      scopes: ['admin'],
      expiresAt: null,
      createdAt: new Date(this.#clock.epochMs()).toISOString(),
    });
  }

  #put(token: StoredToken): void {
    this.#store.putToken(token);
    this.#all = this.#store.tokens();
    this.onChange();
  }

  #isExpired(token: StoredToken): boolean {
    if (token.expiresAt === null) return false;
    return (parseTime(token.expiresAt) ?? 0) <= this.#clock.epochMs();
  }
}

/**
 * True when a token's scopes grant what a request needs: admin grants all, write also reading and enrolment, a
 * zone's scope only what is about that zone.
 */
export function allows(scopes: readonly string[], need: Need): boolean {
  const granting = ['admin'];
  if (need.verb === 'enroll') granting.push('write', enrollScope, enrollOnceScope);
  else if (need.verb !== 'admin') {
    const verbs = need.verb === 'read' ? ['read', 'write'] : ['write'];
    granting.push(...verbs);
    if (need.zone !== undefined) granting.push(...verbs.map((verb) => `${verb}:zone:${need.zone}`));
  }
  return scopes.some((scope) => granting.includes(scope));
}

/** Scopes in their one form: zone names absolute and in lower case, no doubles. */
function readScopes(scopes: readonly string[], problems: Problem[]): string[] {
  if (scopes.length === 0 || scopes.length > limits.tokenScopes) {
    const message = `a token has ${scopes.length} scopes; give it 1 to ${limits.tokenScopes}`;
    problems.push({ code: 'E_TOKEN_SCOPE', message, where: '/scopes' });
  }
  const found = new Set<string>();
  for (const [index, scope] of scopes.entries()) {
    const where = `/scopes/${index}`;
    if (plainScopes.includes(scope)) {
      found.add(scope);
      continue;
    }
    const match = /^(read|write):zone:(.+)$/.exec(scope);
    if (match === null) {
      const message =
        `scope ${show(scope)} is not one; use read, write, admin, agent:enroll, agent:enroll:once, ` +
        'read:zone:example.com. or write:zone:example.com.';
      problems.push({ code: 'E_TOKEN_SCOPE', message, where });
      continue;
    }
    try {
      found.add(`${match[1]}:zone:${nameKey(match[2] ?? '')}`);
    } catch (error) {
      const message = `scope ${show(scope)}: ${errorText(error)}`;
      problems.push({ code: 'E_TOKEN_SCOPE', message, where });
    }
  }
  return [...found];
}

function readExpiry(text: string | null, nowMs: number, problems: Problem[]): number | undefined {
  if (text === null) return undefined;
  const epochMs = parseTime(text);
  if (epochMs !== undefined && epochMs > nowMs) return epochMs;
  const why = epochMs === undefined ? 'is no time' : 'has passed';
  const message = `expiry ${show(text)} ${why}; write a coming time, as 2026-12-31T23:59:59Z`;
  problems.push({ code: 'E_FORM_VALUE', message, where: '/expiresAt' });
  return undefined;
}

function infoOf({ hash: _, ...info }: StoredToken): TokenInfo {
  return info;
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
