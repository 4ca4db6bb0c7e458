import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { errorText, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Store, StoredToken } from '../store/store.ts';
import { nameKey } from '../wire/names.ts';
import type { NameKey } from '../zone/zone.ts';
import type { Configuration } from './controller.ts';
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

/** The token of whoever sets a node up. */
export const adminWish: TokenWish = { name: 'admin', scopes: ['admin'] };

/** A token that is to be: the secret is here and nowhere else. */
export interface NewToken {
  readonly secret: string;
  readonly token: StoredToken;
}

/**
 * Access tokens: 256 random bits that are shown once; what is kept is their SHA-256. (A slow hash is
 * for passwords; nobody guesses 256 bits.) They are part of the configuration, made and revoked by
 * revisions (token-changes.ts), but for a few that are this process's own: that of the environment,
 * and on a node of a cluster, which makes no revisions, its admin's.
 */
export class Tokens {
  readonly #store: Store;
  readonly #clock: Clock;
  #shared: ReadonlyMap<string, StoredToken> = new Map();
  #own: readonly StoredToken[];

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
    this.#own = store.tokens();
  }

  /** Takes the tokens of a configuration. */
  follow({ tokens }: Pick<Configuration, 'tokens'>): void {
    this.#shared = tokens;
  }

  /** Every token, expired ones included. */
  list(): readonly TokenInfo[] {
    return this.#all().map(infoOf);
  }

  /** True for a token that is no part of the configuration. */
  isOwn(id: string): boolean {
    return this.#own.some((token) => token.id === id);
  }

  /** Tokens of this process's own besides that of the environment. */
  ownOnes(): readonly StoredToken[] {
    return this.#own.filter(({ id }) => id !== environmentTokenId);
  }

  /** Lets go of a token of this process's own. */
  dropOwn(id: string): void {
    this.#store.deleteToken(id);
    this.#own = this.#store.tokens();
  }

  /**
   * Works out a token, which is none before a revision holds it. Throws `E_TOKEN_SCOPE` and others.
   * `secret` is a random one of `newSecret`.
   */
  draft(wish: TokenWish, secret: string = newSecret()): NewToken {
    const problems: Problem[] = [];
    const scopes = readScopes(wish.scopes, problems);
    if (!/^[\x21-\x7e][\x20-\x7e]{0,63}$/.test(wish.name)) {
      const message = `token name ${show(wish.name)} is not 1 to 64 printable ASCII characters; choose another`;
      problems.push({ code: 'E_FORM_VALUE', message, where: '/name' });
    }
    const expiryMs = readExpiry(wish.expiresAt ?? null, this.#clock.epochMs(), problems);
    if (problems.length > 0) throw new MeridianError(problems);
    const token: StoredToken = {
      id: randomBytes(8).toString('hex'),
      name: wish.name,
      hash: hashOf(secret),
      scopes,
      expiresAt: expiryMs === undefined ? null : new Date(expiryMs).toISOString(),
      createdAt: new Date(this.#clock.epochMs()).toISOString(),
    };
    return { secret, token };
  }

  /** The token that a secret belongs to; undefined for an unknown or expired one. */
  verify(secret: string): TokenInfo | undefined {
    const given = Buffer.from(hashOf(secret), 'hex');
    let found: StoredToken | undefined;
    // Every token is compared, in constant time, so that the time says nothing about any of them.
    for (const token of this.#all()) {
      if (isHash(token.hash, given)) found = token;
    }
    if (found === undefined || this.#isExpired(found)) return undefined;
    return infoOf(found);
  }

  /** True when a token may do what a request needs; `allows` says the rule. */
  allows(token: Pick<StoredToken, 'scopes'>, verb: Need['verb'], zone?: NameKey): boolean {
    return allows(token.scopes, zone === undefined ? { verb } : { verb, zone });
  }

  /** True when somebody can get in who may do everything. */
  hasAdmin(): boolean {
    return this.#all().some((token) => token.scopes.includes('admin') && !this.#isExpired(token));
  }

  /**
   * Takes the admin token of the environment, and no longer an earlier one; undefined or empty: none.
   * Throws `E_TOKEN_WEAK` for a chosen secret that is too short.
   */
  takeEnvironment(secret: string | undefined): void {
    const isSet = secret !== undefined && secret !== '';
    if (isSet) refuseWeak(secret);
    const hash = isSet ? hashOf(secret) : undefined;
    const before = this.#own.find(({ id }) => id === environmentTokenId);
    if (before?.hash === hash) return;
    if (hash === undefined) this.dropOwn(environmentTokenId);
    else this.#putOwn({ ...this.draft(adminWish).token, id: environmentTokenId, hash });
  }

  /** Makes sure that this process has an admin token of its own; returns the secret of a new one. */
  ensureOwnAdmin(): string | undefined {
    const isThere = this.#own.some(
      (token) => token.scopes.includes('admin') && !this.#isExpired(token),
    );
    if (isThere) return undefined;
    const { secret, token } = this.draft(adminWish);
    this.#putOwn(token);
    return secret;
  }

  #all(): readonly StoredToken[] {
    return [...this.#own, ...this.#shared.values()];
  }

  #putOwn(token: StoredToken): void {
    this.#store.putToken(token);
    this.#own = this.#store.tokens();
  }

  #isExpired(token: StoredToken): boolean {
    if (token.expiresAt === null) return false;
    return (parseTime(token.expiresAt) ?? 0) <= this.#clock.epochMs();
  }
}

/** A secret that nobody guesses. */
export function newSecret(): string {
  return `mrd_${randomBytes(32).toString('base64url')}`;
}

function refuseWeak(secret: string): void {
  const isVisible = /^[\x21-\x7e]*$/.test(secret);
  if (secret.length >= limits.chosenTokenMinChars && isVisible) return;
  const what = isVisible
    ? `has ${secret.length} characters`
    : 'holds a space or what is no visible ASCII character';
  const message =
    `the admin token ${what}; use at least ${limits.chosenTokenMinChars} visible ASCII ` +
    'characters, best random ones';
  throw new MeridianError({ code: 'E_TOKEN_WEAK', message, where: 'MERIDIAN_ADMIN_TOKEN' });
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

/** True when a token's secret is this one. */
export function hasSecret({ hash }: Pick<StoredToken, 'hash'>, secret: string): boolean {
  return isHash(hash, Buffer.from(hashOf(secret), 'hex'));
}

function isHash(hash: string, given: Buffer): boolean {
  const known = Buffer.from(hash, 'hex');
  return known.length === given.length && timingSafeEqual(known, given);
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}
