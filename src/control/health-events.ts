import type { VelocityAlarm, VipTurn } from '../health/fleet-state.ts';
import type { Verdict } from '../health/verdict.ts';
import type { HealthEvent } from './controller.ts';

/** The last changes of health, oldest shed first; numbered from 1 without gaps. */
export class HealthEvents {
  readonly #ring: HealthEvent[] = [];
  readonly #capacity: number;
  #sequence = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(event: Omit<HealthEvent, 'sequence'>): HealthEvent {
    const numbered = { sequence: ++this.#sequence, ...event };
    this.#ring[(numbered.sequence - 1) % this.#capacity] = numbered;
    return numbered;
  }

  /** Up to `limit` events with a sequence below `before`, newest first. */
  list(before: number, limit: number): HealthEvent[] {
    const events: HealthEvent[] = [];
    const oldest = Math.max(1, this.#sequence - this.#capacity + 1);
    for (let at = Math.min(before - 1, this.#sequence); at >= oldest; at--) {
      const event = this.#ring[(at - 1) % this.#capacity];
      if (events.length >= limit || event === undefined) break;
      events.push(event);
    }
    return events;
  }
}

/** What a verdict is called when it is news. */
export const became: Readonly<Record<Verdict, string>> = {
  up: 'came up',
  degraded: 'is degraded',
  down: 'went down',
  unknown: 'is unknown',
};

/**
 * `eu-west of web went down: 7 of 9 agents, connect refused`; the VIP is named with its error
 * class.
 */
export function turnText(turn: VipTurn): string {
  const who = `${turn.member} of ${turn.service} (${turn.address})`;
  if (turn.cause === 'restored') {
    return `${who} counts as ${turn.to} as before the restart, until it has been checked again`;
  }
  if (turn.cause === 'silence') return `${who} is unknown: no agent has a fresh word on it`;
  const error = turn.error === undefined ? '' : `, ${turn.error.replaceAll('-', ' ')}`;
  return `${who} ${became[turn.to]}: ${turn.agreeing} of ${agents(turn.voters)}${error}`;
}

/** What is not well when planned work ends, as a sentence. */
export function maintenanceText(
  service: string,
  member: string,
  address: string,
  verdict: Verdict,
): string {
  return `${member} of ${service} (${address}) is ${verdict} as its maintenance ends`;
}

/** What the velocity guard found, as a sentence. */
export function alarmText(alarm: VelocityAlarm): string {
  const who = `${alarm.member} of ${alarm.service} (${alarm.address})`;
  const much = `more than 25 % of ${alarm.service} would go down within 60 s`;
  const what = alarm.reason === 'alone' ? `${who} would go down` : much;
  const word = `${what} on the word of agent region ${alarm.region} alone`;
  if (!alarm.held) return `${word}; there is no other agent region to ask, so it goes down`;
  if (alarm.awaited.length === 0) return `${word}; held up until another agent region agrees`;
  const awaited = alarm.awaited.slice(0, 5).join(', ');
  return (
    `${word}, while nothing is heard of ${awaited}; held up until another agrees. Revoke the agents of ` +
    'a region that is gone for good (after a day of silence it is forgotten)'
  );
}

function agents(count: number): string {
  return count === 1 ? '1 agent' : `${count} agents`;
}
