import type { Log } from '../base/log.ts';
import type { AgentRegion } from '../health/agent-record.ts';

/** So long a region may be silent before it is said: agents and their machines restart. */
const silentMs = 10_000;

/**
 * Says in the log when nothing is heard of an agent region any more, and when it is heard again. While one is
 * missed no other takes a target down alone (invariant 7): whoever runs the fleet must know before a VIP dies.
 */
export class AgentRegionWatch {
  readonly #log: Log;
  readonly #silent = new Map<string, 'silent' | 'unwell'>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Looks at how all regions stand; for every second. */
  look(regions: readonly AgentRegion[]): void {
    const known = new Set(regions.map(({ region }) => region));
    for (const region of this.#silent.keys()) if (!known.has(region)) this.#silent.delete(region);
    for (const state of regions) {
      const now = stateOf(state);
      const before = this.#silent.get(state.region);
      if (now === undefined || now === before) continue;
      if (now === 'heard') {
        if (before === undefined) continue;
        this.#silent.delete(state.region);
        this.#log.info(
          { agentRegion: state.region },
          `agent region ${state.region} is heard again`,
        );
      } else {
        this.#silent.set(state.region, now);
        this.#log.warn({ agentRegion: state.region, agents: state.agents }, textOf(state, now));
      }
    }
  }
}

/** Undefined in between: silent, though not for long yet. */
function stateOf({ agents, fresh, unwell, forgotten, silentMs: ms }: AgentRegion) {
  // Nobody waits for one that is forgotten.
  if (fresh > 0 || forgotten === agents) return 'heard';
  if (unwell > 0) return 'unwell';
  return ms >= silentMs ? 'silent' : undefined;
}

function textOf({ region, agents }: AgentRegion, state: 'silent' | 'unwell'): string {
  const who = `agent region ${region} (${agents === 1 ? '1 agent' : `${agents} agents`})`;
  const what =
    state === 'silent' ? `nothing is heard of ${who}` : `${who} is not believed: its canaries fail`;
  return (
    `${what}; until it is back, one other agent region alone takes no target down. ` +
    'Revoke agents that are gone for good'
  );
}
