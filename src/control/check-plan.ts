import { createHash } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { Monitor } from '../health/monitor.ts';
import { type Layout, layoutOf } from '../health/packed-report.ts';
import { type CheckTarget, canaryId, checkId } from '../health/report.ts';
import type { FleetAgent, Traffic } from '../policy/traffic.ts';

/** What one agent is to check, as it is told over the wire. */
export interface AgentPlan {
  /** SHA-256 of the content, hex; what reports refer to. */
  readonly digest: string;
  /** JSON: `{ digest, monitors, checks: [[monitor, address] …], canaries: [[monitor, address] …] }`. */
  readonly body: string;
  readonly layout: Layout;
}

/**
 * The plans of all agents of a fleet: every check of the services once, without those whose monitor
 * asks for other vantages, in the order of their ids, so that equal configurations give equal plans
 * on every controller. Agents with the same vantages share one; their canaries may differ.
 */
export class CheckPlans {
  #targets: readonly CheckTarget[] = [];
  #monitors: Traffic['monitors'] = new Map();
  #plans = new Map<string, AgentPlan>();
  /** By the ids of its checks, so that a plan with the same ones has the same layout. */
  #layouts = new Map<string, Layout>();
  /** By digest, the newest last: those of now, and those that agents may still report on. */
  readonly #known = new Map<string, Layout>();

  /** Takes new checks, monitors and agents. */
  update(targets: readonly CheckTarget[], { monitors, agents }: Traffic): void {
    this.#targets = targets.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
    this.#monitors = monitors;
    const layouts = new Map<string, Layout>();
    const plans = new Map<string, AgentPlan>();
    const shared = new Map<string, AgentPlan>();
    for (const [name, agent] of agents ?? []) {
      if (agent.state !== 'active') continue;
      plans.set(name, this.#make(name, agent, layouts, shared));
    }
    this.#plans = plans;
    this.#layouts = layouts;
    for (const { digest, layout } of plans.values()) {
      this.#known.delete(digest);
      this.#known.set(digest, layout);
    }
    const kept = new Set([...plans.values()].map(({ digest }) => digest)).size;
    for (const digest of this.#known.keys()) {
      if (this.#known.size <= kept + limits.rememberedPlans) break;
      this.#known.delete(digest);
    }
  }

  /** The plan of an enrolled and active agent. */
  planOf(agent: string): AgentPlan | undefined {
    return this.#plans.get(agent);
  }

  /** Layouts of the plans that reports may speak of, by digest. */
  get layouts(): ReadonlyMap<string, Layout> {
    return this.#known;
  }

  /** What an agent checks that is not enrolled, as the one inside a node: checks, then canaries. */
  targetsFor(agent: string, region: string): CheckTarget[] {
    const checks = this.#targets.filter(({ monitor }) => isAsked(monitor, agent, region));
    const canaries = this.#canariesFor(agent, region, undefined).map(([name, address]) => ({
      id: canaryId(name, address),
      address,
      monitor: this.#monitors.get(name) as Monitor,
      canary: true,
    }));
    return [...checks.slice(0, limits.checksPerAgent - canaries.length), ...canaries];
  }

  #make(
    name: string,
    agent: FleetAgent,
    layouts: Map<string, Layout>,
    shared: Map<string, AgentPlan>,
  ): AgentPlan {
    const canaries = this.#canariesFor(name, agent.region, agent);
    // Whose canaries and vantages are the same has the same plan.
    const vantages = [...this.#monitors].flatMap(([monitor, { from }]) =>
      from !== undefined && isAsked({ from }, name, agent.region) ? [monitor] : [],
    );
    const key = JSON.stringify([vantages, canaries]);
    const made = shared.get(key);
    if (made !== undefined) return made;
    const targets = this.#targets
      .filter(({ monitor }) => isAsked(monitor, name, agent.region))
      .slice(0, limits.checksPerAgent - canaries.length);
    const checks = targets.map(({ id, address }) => [monitorOf(id), address] as const);
    const used = new Set([...checks, ...canaries].map(([monitor]) => monitor));
    const monitors = Object.fromEntries(
      [...used].sort().map((monitor) => [monitor, wired(this.#monitors.get(monitor))]),
    );
    const content = { monitors, checks, canaries };
    const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
    const ids = targets.map(({ id }) => id);
    const layoutKey = ids.join('\n');
    const layout = layouts.get(layoutKey) ?? this.#layouts.get(layoutKey) ?? layoutOf(ids);
    layouts.set(layoutKey, layout);
    const plan = { digest, body: JSON.stringify({ digest, ...content }), layout };
    shared.set(key, plan);
    return plan;
  }

  /** Monitor and address of each canary that an agent checks, in the order of their ids. */
  #canariesFor(
    agent: string,
    region: string,
    own: FleetAgent | undefined,
  ): (readonly [string, string])[] {
    const found = new Map<string, readonly [string, string]>();
    const add = (monitor: string, addresses: readonly string[]) => {
      for (const address of addresses) found.set(checkId(monitor, address), [monitor, address]);
    };
    for (const [name, monitor] of this.#monitors) {
      if (isAsked(monitor, agent, region)) add(name, monitor.canaries ?? []);
    }
    for (const [name, addresses] of own?.canaries ?? []) {
      if (this.#monitors.has(name)) add(name, addresses);
    }
    return [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .slice(0, limits.canariesPerPlan)
      .map(([, canary]) => canary);
  }
}

function isAsked({ from }: Pick<Monitor, 'from'>, agent: string, region: string): boolean {
  return from === undefined || from.includes(region) || from.includes(agent);
}

/** The monitor's name in the id of a check; names have no `@`. */
function monitorOf(id: string): string {
  return id.slice(0, id.indexOf('@'));
}

/** What an agent needs of a monitor: who else checks is none of its business. */
function wired(monitor: Monitor | undefined): object {
  const { from: _, canaries: __, ...rest } = monitor ?? {};
  return rest;
}
