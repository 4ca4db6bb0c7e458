import { MeridianError } from '../base/errors.ts';
import type { ObjectChange, ObjectWrite, Revision } from './change.ts';

/** Where revisions are found; the controller and the store both are. */
export interface RevisionSource {
  revision(number: number): Revision | undefined;
}

/**
 * What differs between the configurations of two revisions (0 is the empty one), in either
 * direction: `before` is the state at `from`, `after` the state at `to`. Throws `E_NOT_FOUND`.
 */
export function diffRevisions(source: RevisionSource, from: number, to: number): ObjectChange[] {
  const older = Math.min(from, to);
  const newer = Math.max(from, to);
  const whole = new Map<string, ObjectChange>();
  if (older < 0 || !Number.isInteger(older)) throw noSuchRevision(older);
  if (older > 0 && source.revision(older) === undefined) throw noSuchRevision(older);
  for (let number = older + 1; number <= newer; number++) {
    const revision = source.revision(number);
    if (revision === undefined) throw noSuchRevision(number);
    for (const { kind, id, before, after } of revision.changes) {
      const key = `${kind} ${id}`;
      const first = whole.get(key);
      whole.set(key, { kind, id, before: first === undefined ? before : first.before, after });
    }
  }
  const changes = [...whole.values()].filter(({ before, after }) => before !== after);
  if (from <= to) return changes;
  return changes.map(({ kind, id, before, after }) => ({ kind, id, before: after, after: before }));
}

/**
 * The writes that bring the configuration of `latest` back to what it was at `target`. Agents and
 * access tokens stay as they are: who came in since stays in, and who was revoked stays so.
 */
export function rollbackWrites(
  source: RevisionSource,
  latest: number,
  target: number,
): ObjectWrite[] {
  if (!Number.isInteger(target) || target < 0 || target > latest) throw noSuchRevision(target);
  return diffRevisions(source, latest, target).flatMap(({ kind, id, after }) =>
    kind === 'agent' || kind === 'token' ? [] : [{ kind, id, body: after }],
  );
}

function noSuchRevision(number: number): MeridianError {
  const message = `there is no revision ${number}; list those there are with GET /v1/revisions`;
  return new MeridianError({ code: 'E_NOT_FOUND', message });
}
