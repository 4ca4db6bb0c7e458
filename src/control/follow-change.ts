import { formatProblem, type Problem } from '../base/errors.ts';
import { staleCommit } from '../store/memory-store.ts';
import { followCheck } from '../zone/check-edit.ts';
import type { NameKey } from '../zone/zone.ts';
import { type ChangeParts, type ChangeState, noteZones } from './apply-change.ts';
import type { ObjectChange } from './change.ts';
import type { Configuration } from './controller.ts';
import { Findings } from './findings.ts';
import type { ImageCourier } from './image-courier.ts';
import {
  editConfiguration,
  loadConfiguration,
  movedZones,
  type ObjectEdit,
} from './load-configuration.ts';
import { parseRRsetId } from './object-ids.ts';
import { readObjectBody } from './read-object.ts';
import type { ReplicatedRevision } from './replication.ts';

/**
 * The way of a change that the cluster has accepted: store (fsync) → `stored` → compile → publish.
 * It is not judged again. Rejects when it cannot be stored, and then nothing has changed; what this
 * version cannot read or compile is stored all the same, reported, and served as before.
 */
export async function followChange(
  change: ReplicatedRevision,
  stored: () => void,
  state: ChangeState,
  parts: ChangeParts,
  courier: ImageCourier,
): Promise<void> {
  const { store } = parts;
  const current = state.configuration;
  const { at, actor, summary, changes, term, idempotencyKey, response } = change;
  // Its hash says what came before it, and so does the store's.
  if (change.previousHash !== store.digest()) throw staleCommit(change.number - 1, store.latest());
  const answer =
    idempotencyKey === undefined || response === undefined ? {} : { idempotencyKey, response };
  const revision = store.commit(change.number - 1, {
    ...{ at, actor, summary, changes, term },
    ...answer,
  });
  stored();
  const { edits, problems } = editsOf(changes);
  for (const problem of problems) {
    const fields = { code: problem.code, where: problem.where, revision: revision.number };
    parts.log.error(fields, `served as before: ${formatProblem(problem)}`);
  }
  const next = editConfiguration(current, edits, revision.number);
  noteZones(state.zoneRevisions, { edits }, revision.number, next);
  // Not to judge them: should this process lead one day, its first edit need not check them as wholes.
  for (const origin of movedZones(current, next)) {
    followCheck(current.zones.get(origin), next.zones.get(origin));
  }
  await take(next, changes, state, parts, courier);
}

/**
 * Serves what is in the store after everything in it was replaced. Objects that this version cannot
 * read are left out and reported.
 */
export async function reload(
  state: ChangeState,
  parts: ChangeParts,
  courier: ImageCourier,
): Promise<void> {
  const { store, log } = parts;
  const loaded = loadConfiguration(store.content(), store.latest());
  for (const problem of loaded.problems) {
    const fields = { code: problem.code, where: problem.where };
    log.error(fields, `a stored object is not served: ${formatProblem(problem)}`);
  }
  state.zoneRevisions.clear();
  for (const [zone, revision] of loaded.zoneRevisions) state.zoneRevisions.set(zone, revision);
  await take(loaded.configuration, [], state, parts, courier);
}

async function take(
  next: Configuration,
  changes: readonly ObjectChange[],
  state: ChangeState,
  parts: ChangeParts,
  courier: ImageCourier,
): Promise<void> {
  const before = state.configuration;
  state.configuration = next;
  parts.stored?.(next);
  try {
    const prepared = await parts.compile(next, before, changes);
    await courier.deliver(next.revision, prepared);
  } catch (error) {
    const fields = { code: 'E_PUBLISH', revision: next.revision, error };
    parts.log.error(
      fields,
      'a revision of the cluster cannot be compiled here; the last is served',
    );
  }
}

/** What the changes mean; a zone with a record that cannot be read is left as it is. */
function editsOf(changes: readonly ObjectChange[]): {
  readonly edits: readonly ObjectEdit[];
  readonly problems: readonly Problem[];
} {
  const edits: ObjectEdit[] = [];
  const badZones = new Set<NameKey | undefined>();
  const findings = new Findings();
  for (const { kind, id, after } of changes) {
    const value = after === null ? null : readObjectBody(kind, id, after, findings)?.value;
    if (value !== undefined) edits.push({ kind, id, value });
    else if (kind === 'rrset') badZones.add(parseRRsetId(id)?.zone);
  }
  const problems = findings.problems.filter(({ severity }) => severity !== 'warning');
  if (badZones.size === 0) return { edits, problems };
  const whole = edits.filter(({ kind, id }) => {
    if (kind !== 'zone' && kind !== 'rrset') return true;
    return !badZones.has(kind === 'zone' ? id : parseRRsetId(id)?.zone);
  });
  return { edits: whole, problems };
}
