import { Random } from '../../base/random.ts';
import { createHealthControl, type HealthControl } from '../../control/apply-health.ts';
import { keepHealth } from '../../control/keep-health.ts';
import { type Agent, startAgent } from '../../probe/agent.ts';
import type { Store } from '../../store/store.ts';
import type { Closers } from './closers.ts';
import type { NodeOptions } from './node-options.ts';
import type { Serving } from './serving.ts';

/** Health of the targets, judged in this process: an agent inside, by the same code as one far away. */
export function startJudging(
  options: NodeOptions,
  { clock, state, publishing }: Serving,
  store: Store,
  closers: Closers,
): HealthControl {
  const { log } = options;
  let agent: Agent | undefined;
  const health = createHealthControl({
    clock,
    log,
    onServicesChanged: (names) => publishing.servicesMoved(names),
    onPlan: (targets) => agent?.setPlan(targets),
  });
  state.health = (service) => health.health(service);
  closers.add(() => health.close());
  agent = startAgent({
    agent: 'embedded',
    region: 'local',
    clock,
    random: new Random(Date.now()),
    log,
    allowPrivateTargets: options.allowPrivateTargets,
    allowExec: options.allowExec,
    report: (report) => health.receive(report),
  });
  closers.add(() => agent?.close());
  closers.add(keepHealth(health, store, clock, log));
  return health;
}
