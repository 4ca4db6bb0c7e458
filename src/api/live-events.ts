import type { Revision } from '../control/change.ts';
import type { Controller, HealthEvent } from '../control/controller.ts';

/** One event as streams send it. */
export interface LiveEvent {
  readonly type: 'revision' | 'health';
  readonly data: object;
  /** Where a reader stands that has seen this event. */
  readonly position: Position;
}

/** The last revision and health event that a reader has seen. */
export interface Position {
  readonly revision: number;
  readonly health: number;
}

/** More than these are not caught up on; the reader starts at the present. */
const catchUp = 500;

/** Where things stand now. */
export function currentPosition(controller: Controller): Position {
  return {
    revision: controller.configuration().revision,
    health: newestHealthEvent(controller)?.sequence ?? 0,
  };
}

/** Prints a position as an event id: `12.345`. */
export function formatPosition(position: Position): string {
  return `${position.revision}.${position.health}`;
}

/** Reads an event id; undefined when it is not one. */
export function parsePosition(text: string | undefined): Position | undefined {
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text ?? '');
  if (match === null) return undefined;
  return { revision: Number(match[1]), health: Number(match[2]) };
}

/**
 * What happened after `since`, in order, at most `catchUp` of each kind. A position from the future
 * (of an older store) counts as the present.
 */
export function eventsSince(controller: Controller, since: Position): readonly LiveEvent[] {
  const now = currentPosition(controller);
  const events: LiveEvent[] = [];
  let position: Position = {
    revision: Math.min(since.revision, now.revision),
    health: Math.min(since.health, now.health),
  };
  if (now.revision > position.revision) {
    for (const revision of controller.revisions(now.revision + 1, catchUp).toReversed()) {
      if (revision.number <= position.revision) continue;
      position = { ...position, revision: revision.number };
      events.push({ type: 'revision', data: revisionEvent(revision), position });
    }
  }
  if (now.health > position.health) {
    for (const event of controller
      .health()
      .events(now.health + 1, catchUp)
      .toReversed()) {
      if (event.sequence <= position.health) continue;
      position = { ...position, health: event.sequence };
      events.push({ type: 'health', data: event, position });
    }
  }
  return events;
}

function newestHealthEvent(controller: Controller): HealthEvent | undefined {
  return controller.health().events(Number.MAX_SAFE_INTEGER, 1)[0];
}

function revisionEvent(revision: Revision): object {
  const { number, at, actor, summary, changes } = revision;
  const objects = changes.slice(0, 100).map(({ kind, id }) => ({ kind, id }));
  return { number, at, actor, summary, changeCount: changes.length, objects };
}
