import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { StoredToken } from '../store/store.ts';
import type { ApplyOptions, ApplyResult, ObjectWrite } from './change.ts';
import type { Configuration, Controller } from './controller.ts';
import { Findings } from './findings.ts';
import { parseEtag } from './object-ids.ts';
import { parseToken, tokenWrite } from './parse-token.ts';
import {
  adminWish,
  enrollOnceScope,
  type NewToken,
  type Tokens,
  type TokenWish,
} from './tokens.ts';

/** A token that a revision has made; the secret is in here and nowhere else. */
export interface MadeToken extends NewToken {
  readonly result: ApplyResult;
}

/**
 * Makes a token by a revision. Throws `E_TOKEN_SCOPE` and others for a wish that makes no sense, and
 * `E_CONFLICT` for a repetition: the secret was in the first answer alone.
 */
export async function makeToken(
  controller: Controller,
  tokens: Pick<Tokens, 'draft'>,
  wish: TokenWish,
  options: ApplyOptions,
): Promise<MadeToken> {
  const made = tokens.draft(wish);
  const result = await controller.change(
    {
      asked: wish,
      writes: (current) => {
        refuseTooMany(current);
        return { writes: [tokenWrite(made.token)], problems: [] };
      },
    },
    options,
  );
  const first = result.changes.find(({ kind }) => kind === 'token')?.id;
  if (first === made.token.id) return { ...made, result };
  const message =
    `this request has made token ${first} before (revision ${result.revision}), and its secret was in ` +
    'that answer alone; revoke that one where the answer is lost, and make another under a new key';
  throw new MeridianError({ code: 'E_CONFLICT', message });
}

/** Revokes a token by a revision; throws `E_NOT_FOUND`, or `E_CONFLICT` for one that is not shared. */
export function revokeToken(
  controller: Controller,
  tokens: Pick<Tokens, 'isOwn'>,
  id: string,
  options: ApplyOptions,
): Promise<ApplyResult> {
  return controller.change(
    {
      asked: id,
      writes: (current) => {
        if (current.tokens.has(id)) return { writes: [removal(id)], problems: [] };
        const name = JSON.stringify(id.slice(0, 80));
        if (!tokens.isOwn(id)) {
          const message = `there is no token ${name}; GET /v1/tokens shows the ids`;
          throw new MeridianError({ code: 'E_NOT_FOUND', message });
        }
        const message =
          `token ${name} belongs to this process alone and to no revision; start it anew with ` +
          'another MERIDIAN_ADMIN_TOKEN, or without one';
        throw new MeridianError({ code: 'E_CONFLICT', message });
      },
    },
    options,
  );
}

/**
 * The writes by which a token for one enrolment is used up: to be made in one revision with the agent,
 * so that of two who come with it, by whatever controllers, only one gets in. Throws `E_CONFLICT` when
 * it is used up already.
 */
export function spendOnce(current: Configuration, id: string): readonly ObjectWrite[] {
  if (current.tokens.get(id)?.scopes.includes(enrollOnceScope) === true) return [removal(id)];
  const message = 'this token was for one enrolment, which somebody has made; use another token';
  throw new MeridianError({ code: 'E_CONFLICT', message });
}

/** The token that was used up by the last change of an agent, its enrolment; undefined where none was. */
export function tokenSpentOn(
  controller: Pick<Controller, 'etag' | 'revision'>,
  agent: string,
): StoredToken | undefined {
  const number = parseEtag(controller.etag('agent', agent) ?? '');
  const changes = number === undefined ? [] : (controller.revision(number)?.changes ?? []);
  for (const { kind, id, before, after } of changes) {
    if (kind !== 'token' || before === null || after !== null) continue;
    const token = parseToken(id, JSON.parse(before), '', new Findings());
    if (token?.scopes.includes(enrollOnceScope) === true) return token;
  }
  return undefined;
}

/**
 * Makes what a process that may make revisions needs: tokens that an older version kept beside them
 * come into one, and where nobody can get in an admin's with this secret. At most one revision.
 */
export async function settleTokens(
  controller: Controller,
  tokens: Tokens,
  newSecret: () => string,
): Promise<void> {
  const older = tokens.ownOnes();
  const admin = tokens.hasAdmin() ? [] : [tokens.draft(adminWish, newSecret()).token];
  if (older.length + admin.length === 0) return;
  const moved = older.filter(({ id }) => /^[0-9a-f]{16}$/.test(id));
  const summary = 'access tokens that were kept beside revisions, and the first admin';
  await controller.apply(writesOf([...moved, ...admin]), { actor: 'start', summary });
  for (const { id } of older) tokens.dropOwn(id);
}

function writesOf(tokens: readonly StoredToken[]): readonly ObjectWrite[] {
  return tokens.map(tokenWrite);
}

function removal(id: string): ObjectWrite {
  return { kind: 'token', id, body: null };
}

function refuseTooMany({ tokens }: Configuration): void {
  if (tokens.size < limits.tokens) return;
  const message = `there are ${tokens.size} tokens; delete some (at most ${limits.tokens})`;
  throw new MeridianError({ code: 'E_LIMIT', message });
}
