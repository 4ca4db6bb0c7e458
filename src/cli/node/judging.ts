import { Random } from '../../base/random.ts';
import { createHealthControl, type HealthControl } from '../../control/apply-health.ts';
import { keepHealth } from '../../control/keep-health.ts';
import type { Report } from '../../health/report.ts';
import { type Agent, startAgent } from '../../probe/agent.ts';
import type { Store } from '../../store/store.ts';
import type { Closers } from './closers.ts';
import type { NodeOptions } from './node-options.ts';
import type { Serving } from './serving.ts';

export interface FleetParts {
  readonly options: NodeOptions;
  readonly serving: Serving;
  /** Name of the agent inside, unique in the fleet. */
  readonly agent: string;
  /** Services whose answers may differ now. */
  onServicesChanged(names: readonly string[]): void;
  /** Told of each report of the agent inside. */
  onReport?(report: Report): void;
}

/** The fleet as this process judges it, with an agent inside by the same code as one far away. */
export function openFleet(parts: FleetParts): { health: HealthControl; close(): void } {
  const { options, serving, onReport } = parts;
  const { log } = options;
  let agent: Agent | undefined;
  const health = createHealthControl({
    clock: serving.clock,
    log,
    onServicesChanged: (names) => parts.onServicesChanged(names),
    onPlan: (targets) => agent?.setPlan(targets),
  });
  agent = startAgent({
    agent: parts.agent,
    region: 'local',
    clock: serving.clock,
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

/** Health of the targets, judged in this process alone. */
export function startJudging(
  options: NodeOptions,
  serving: Serving,
  store: Store,
  closers: Closers,
): HealthControl {
  const { health, close } = openFleet({
    ...{ options, serving },
    agent: 'embedded',
    onServicesChanged: (names) => serving.publishing.servicesMoved(names),
  });
  closers.add(close);
  serving.state.health = (service) => health.health(service);
  closers.add(keepHealth(health, store, serving.clock, options.log));
  return health;
}
