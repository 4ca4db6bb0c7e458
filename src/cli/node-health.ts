import { systemClock } from '../base/clock.ts';
import { Random } from '../base/random.ts';
import {
  createHealthControl,
  type HealthControl,
  type HealthSnapshot,
} from '../control/apply-health.ts';
import type { HealthView, LoadSample } from '../control/controller.ts';
import type { OnConnectTime } from '../health/fleet.ts';
import type { PackedReport } from '../health/packed-report.ts';
import { type CheckTarget, embeddedAgent, type Report } from '../health/report.ts';
import type { ServiceHealth } from '../health/verdict.ts';
import type { Traffic } from '../policy/traffic.ts';
import { type Agent, startAgent } from '../probe/agent.ts';
import type { NodeOptions } from './node-options.ts';

/** Health as a node needs it: a fleet of its own, or in a cluster whatever counts at the moment. */
export type NodeHealth = HealthView &
  Pick<
    HealthControl,
    'health' | 'setTraffic' | 'plan' | 'receive' | 'reportLoad' | 'snapshot' | 'restore'
  >;

/** What is told of a fleet by whoever opens it. */
export interface FleetWish {
  /** Name of the agent inside, unique in the fleet. */
  readonly agent: string;
  /** Services whose answers may differ now. */
  onServicesChanged(names: readonly string[]): void;
  /** Told of each report of the agent inside. */
  onReport?(report: Report): void;
}

export interface FleetParts extends FleetWish {
  readonly options: NodeOptions;
  /** What of a new plan the agent inside is to check. */
  planFor(targets: readonly CheckTarget[]): readonly CheckTarget[];
  readonly onConnectTimes: OnConnectTime;
}

/** The fleet as this process judges it, with an agent inside by the same code as one far away. */
export function openFleet(parts: FleetParts): { health: HealthControl; close(): void } {
  const { options, onReport } = parts;
  const { log } = options;
  const clock = systemClock;
  let agent: Agent | undefined;
  const health = createHealthControl({
    clock,
    log,
    onServicesChanged: (names) => parts.onServicesChanged(names),
    onPlan: (targets) => {
      const plan = parts.planFor(targets);
      agent?.setPlan(plan);
    },
    onConnectTimes: parts.onConnectTimes,
  });
  agent = startAgent({
    agent: parts.agent,
    region: embeddedAgent.region,
    clock,
    random: new Random(Date.now()),
    log,
    allowPrivateTargets: options.allowPrivateTargets,
    allowExec: options.allowExec,
    report: (report) => {
      health.receive(report);
      onReport?.(report);
    },
  });
  return {
    health,
    close: () => {
      agent?.close();
      health.close();
    },
  };
}

const noHealth: ServiceHealth = new Map();

type ClosableHealth = NodeHealth & { close(): void };

/**
 * Health that a cluster gives as soon as this process is part of it; until then nothing is known. The
 * source of a membership that has ended goes on: while another process takes this one's place, the
 * answers of this one still follow health, by its own judgement when the leader is not heard.
 */
export class LateHealth implements NodeHealth {
  #source: ClosableHealth | undefined;
  #traffic: Traffic | undefined;

  /** Takes a source instead of the one before, which is closed. */
  attach(source: ClosableHealth): void {
    this.#source?.close();
    this.#source = source;
    if (this.#traffic !== undefined) source.setTraffic(this.#traffic);
  }

  health(service: string): ServiceHealth {
    return this.#source?.health(service) ?? noHealth;
  }

  service(name: string): ServiceHealth | undefined {
    return this.#source?.service(name);
  }

  targets(service: string, member?: string): ReturnType<HealthView['targets']> {
    return this.#source?.targets(service, member) ?? [];
  }

  events(before: number, limit: number): ReturnType<HealthView['events']> {
    return this.#source?.events(before, limit) ?? [];
  }

  agentRegions(): ReturnType<HealthView['agentRegions']> {
    return this.#source?.agentRegions() ?? [];
  }

  setTraffic(traffic: Traffic): void {
    this.#traffic = traffic;
    this.#source?.setTraffic(traffic);
  }

  reportLoad(samples: readonly LoadSample[]): ReturnType<HealthControl['reportLoad']> {
    return this.#source?.reportLoad(samples) ?? { accepted: 0, problems: [] };
  }

  plan(): readonly CheckTarget[] {
    return this.#source?.plan() ?? [];
  }

  receive(report: Report | PackedReport): void {
    this.#source?.receive(report);
  }

  snapshot(): HealthSnapshot {
    return this.#source?.snapshot() ?? { version: 1, atEpochMs: systemClock.epochMs(), down: [] };
  }

  restore(snapshot: HealthSnapshot): void {
    this.#source?.restore(snapshot);
  }

  close(): void {
    this.#source?.close();
  }
}
