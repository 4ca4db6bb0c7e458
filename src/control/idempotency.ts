import { createHash } from 'node:crypto';
import { MeridianError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';
import type { ApplyOptions, ApplyResult } from './change.ts';

/** A key with which a caller marks a request, so that a repetition is not a second change. */
export interface RequestMark {
  /** The caller's key, made the caller's own: two actors never share one. */
  readonly key: string;
  /** SHA-256 of what was asked, hex. */
  readonly fingerprint: string;
}

interface Remembered {
  readonly fingerprint: string;
  readonly revision: number;
  readonly warnings: ApplyResult['warnings'];
}

/** The mark of a request that came with an idempotency key; undefined without one. */
export function markOf(request: unknown, options: ApplyOptions): RequestMark | undefined {
  if (options.idempotencyKey === undefined || options.dryRun === true) return undefined;
  const asked = JSON.stringify([options.summary, request]);
  return {
    key: JSON.stringify([options.actor, options.idempotencyKey]),
    fingerprint: createHash('sha256').update(asked).digest('hex'),
  };
}

/** The first answer to a repeated request; throws `E_CONFLICT` when the key came with another one. */
export function recall(store: Store, mark: RequestMark | undefined): ApplyResult | undefined {
  const text = mark === undefined ? undefined : store.remembered(mark.key);
  if (text === undefined) return undefined;
  const { fingerprint, revision, warnings } = JSON.parse(text) as Remembered;
  if (fingerprint !== mark?.fingerprint) {
    throw new MeridianError({
      code: 'E_CONFLICT',
      message: `the idempotency key was used for another request (revision ${revision}); use a new key`,
    });
  }
  return { revision, changes: store.revision(revision)?.changes ?? [], warnings };
}

/** What the store keeps of an answer; its changes are in the revision. */
export function answerToKeep(
  mark: RequestMark | undefined,
  revision: number,
  warnings: ApplyResult['warnings'],
): { readonly idempotencyKey?: string; readonly response?: string } {
  if (mark === undefined) return {};
  const kept: Remembered = { fingerprint: mark.fingerprint, revision, warnings };
  return { idempotencyKey: mark.key, response: JSON.stringify(kept) };
}
