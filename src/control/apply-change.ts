import type { Clock } from '../base/clock.ts';
import { isAcceptable, MeridianError, type Problem } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Store } from '../store/store.ts';
import { forgetPlace, PackedNodes } from '../zone/packed-nodes.ts';
import type { NameKey } from '../zone/zone.ts';
import type {
  ApplyOptions,
  ApplyResult,
  ObjectChange,
  ObjectKind,
  ObjectWrite,
  TrafficShift,
} from './change.ts';
import { checkZonesAhead } from './check-ahead.ts';
import { checkChange } from './check-change.ts';
import type { Configuration } from './controller.ts';
import { type Draft, draftChange, writeCount } from './draft-change.ts';
import { answerToKeep, markOf, recall } from './idempotency.ts';
import type { ImageCourier, PreparedImage } from './image-courier.ts';
import { editConfiguration } from './load-configuration.ts';
import { newObjectsOf } from './new-objects.ts';
import { formatEtag, parseRRsetId } from './object-ids.ts';
import type { Replication } from './replication.ts';

/** What the way of a change passes through. */
export interface ChangeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Compiles what differs; changes nothing yet. Throws MeridianError for what cannot be compiled. */
  compile(
    next: Configuration,
    previous: Configuration,
    changes: readonly ObjectChange[],
  ): PreparedImage | Promise<PreparedImage>;
  /** How answers would move, for dry runs; absent: dry runs do not say. */
  trafficShift?(before: Configuration, after: Configuration): readonly TrafficShift[];
  /** Told of every configuration once it is stored, before its image is published. */
  stored?(next: Configuration): void;
  /** What a cluster adds; absent: this process is alone. */
  readonly replication?: Replication;
}

/** What changes as revisions are made. */
export interface ChangeState {
  configuration: Configuration;
  /** The revision that last touched each zone, rrsets included. */
  readonly zoneRevisions: Map<NameKey, number>;
  /** A revision that should have been taken back and could not be: nothing else comes before that. */
  stray?: number | undefined;
}

/** What is asked: writes, or how to find them once it is the change's turn. */
export interface ChangeRequest {
  /** What was asked, by which a repetition under the same idempotency key is known. */
  readonly asked: unknown;
  writes(current: Configuration): { writes: readonly ObjectWrite[]; problems: readonly Problem[] };
}

/**
 * The way of a change: in → validate → compile → permit → store (fsync) → append → replica → publish
 * (docs/life-of-a-change.md); a process that is alone passes over what a cluster adds. Throws MeridianError with all problems, and then nothing has changed.
 * Callers make sure that one runs at a time.
 */
export async function applyChange(
  request: ChangeRequest,
  options: ApplyOptions,
  state: ChangeState,
  parts: ChangeParts,
  courier: ImageCourier,
): Promise<ApplyResult> {
  const { store, clock } = parts;
  const current = state.configuration;

  // In: only the leader of a cluster knows that what its store holds is the cluster's, so only it may
  // say that a change was made before, or is there already.
  const { replication } = parts;
  if (options.dryRun !== true) replication?.permit();
  // The same request again gets the first answer; one that was made for another state, none.
  const mark = markOf(request.asked, options);
  const first = recall(store, mark);
  if (first !== undefined) return first;
  refuseStale(state, store, options);

  // Validate: what the writes mean, and whether that holds together with all else.
  const asked = request.writes(current);
  refuse(asked.problems);
  if (options.dryRun !== true) await parts.replication?.prepare(writeCount(asked.writes));
  const draft = draftChange(current, store, asked.writes);
  refuse(draft.problems);
  const lint = [...asked.problems, ...draft.problems];
  if (draft.edits.length === 0) return { revision: current.revision, changes: [], warnings: lint };
  const next = editConfiguration(current, draft.edits, current.revision + 1);
  await checkZonesAhead(next, current);
  const found = checkChange(draft, next, current);
  refuse(found);
  const warnings = [...lint, ...found];

  // Compile: what cannot be served must never become durable.
  const prepared = await parts.compile(next, current, draft.changes);
  const { changes, newZones } = draft;
  if (options.dryRun === true) {
    const traffic = parts.trafficShift?.(current, next);
    const result = { revision: current.revision, changes, warnings };
    return traffic === undefined ? result : { ...result, traffic };
  }

  // Permit: in a cluster, the leader alone makes changes, under its term; compiling may take a while.
  const term = replication?.permit();

  // Store: on disk, or an exception and nothing.
  const answer = answerToKeep(mark, next.revision, warnings);
  const revision = store.commit(current.revision, {
    at: new Date(clock.epochMs()).toISOString(),
    actor: options.actor,
    summary: options.summary,
    changes,
    ...(newZones.length === 0 ? {} : { newObjects: newObjectsOf(newZones) }),
    ...answer,
    ...(term === undefined ? {} : { term }),
  });

  // Append: what the cluster does not take is taken back, before anybody was told of it.
  try {
    await replication?.append(revision, answer);
  } catch (error) {
    state.stray = revision.number;
    takeBack(state, store);
    throw error;
  }

  // From here on the change is never taken back.
  state.configuration = next;
  noteZones(state.zoneRevisions, draft, revision.number, next);
  forgetPlaces(draft);
  parts.stored?.(next);

  // Replica: a second controller has it on disk, where there is one; if not in time, a warning.
  const alone = await replication?.replica(revision.number);

  // Publish: resolves when every worker serves it; a failure is a warning, and is tried again.
  const late = await courier.deliver(revision.number, prepared);
  const later = [alone, late].filter((problem) => problem !== undefined);
  return {
    revision: revision.number,
    // A million of new zones are read from the store when somebody asks.
    get changes() {
      return newZones.length === 0 ? changes : revision.changes;
    },
    warnings: [...warnings, ...later],
  };
}

function forgetPlaces({ edits }: Draft): void {
  for (const { value } of edits) {
    if (value?.kind === 'rrset') forgetPlace(value.rrset);
    const nodes = value?.kind === 'zone' ? value.content?.nodes : undefined;
    if (nodes instanceof PackedNodes) nodes.forgetPlaces();
  }
}

/** Takes the stray revision back, if there is one; throws `E_STORE_WRITE` while the disk refuses. */
export function takeBack(state: ChangeState, store: Store): void {
  if (state.stray === undefined) return;
  store.undo(state.stray);
  state.stray = undefined;
}

/** The ETag of an object; undefined when there is none. A zone's is that of its newest rrset. */
export function etagOf(
  state: ChangeState,
  store: Store,
  kind: ObjectKind,
  id: string,
): string | undefined {
  const object = store.object(kind, id);
  if (object === undefined) return undefined;
  const revision = kind === 'zone' ? state.zoneRevisions.get(id) : undefined;
  return formatEtag(revision ?? object.revision);
}

function refuse(problems: readonly Problem[]): void {
  if (!isAcceptable(problems)) throw new MeridianError(problems);
}

function refuseStale(state: ChangeState, store: Store, options: ApplyOptions): void {
  const problems: Problem[] = [];
  for (const { kind, id, etag } of options.preconditions ?? []) {
    const actual = etagOf(state, store, kind, id) ?? null;
    const holds = etag === '*' ? actual !== null : etag === actual;
    if (holds) continue;
    const wanted = etag === null ? 'absent' : etag === '*' ? 'there' : `at ${etag}`;
    const found = actual === null ? 'it does not exist' : `it is at ${actual}`;
    const message = `${kind} "${id}" should be ${wanted}, but ${found}; read it again and redo the change`;
    problems.push({ code: 'E_PRECONDITION', message });
  }
  refuse(problems);
}

/** Notes a revision as the last that touched its zones. */
export function noteZones(
  zoneRevisions: Map<NameKey, number>,
  { edits }: Pick<Draft, 'edits'>,
  revision: number,
  next: Configuration,
): void {
  const touched = new Set<NameKey>();
  for (const { kind, id, value } of edits) {
    if (kind === 'zone') touched.add(id);
    if (kind !== 'rrset') continue;
    const origin = value?.kind === 'rrset' ? value.zone : parseRRsetId(id)?.zone;
    if (origin !== undefined) touched.add(origin);
  }
  for (const origin of touched) {
    if (next.zones.has(origin)) zoneRevisions.set(origin, revision);
    else zoneRevisions.delete(origin);
  }
}
