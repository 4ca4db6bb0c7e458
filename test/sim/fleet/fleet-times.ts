import type { Monitor } from '../../../src/health/monitor.ts';
import type { FleetPlan } from './fleet-plan.ts';

/** The longest that one agent takes to call a target down, milliseconds. */
export function fallMs({ intervalMs, timeoutMs, fall }: Monitor): number {
  return 1.1 * intervalMs * fall + timeoutMs;
}

/** The longest that one agent takes to call it up again, milliseconds. */
export function riseMs({ intervalMs, timeoutMs, rise }: Monitor): number {
  return 1.1 * intervalMs * rise + timeoutMs;
}

/** The longest of the times that a fleet's monitors take. */
export function slowest(plan: FleetPlan, of: (monitor: Monitor) => number): number {
  return Math.max(...[...plan.traffic.monitors.values()].map(of));
}

/** How soon a dead target is promised to be out at the 99th percentile: interval × fall + 1 s. */
export function promised(plan: FleetPlan, address: string): number {
  const { services, monitors } = plan.traffic;
  const times = [...services.values()].flatMap((service) => {
    const isOurs = [...service.members.values()].some((member) =>
      [...member.a, ...member.aaaa].includes(address),
    );
    return isOurs ? service.monitors.map((name) => monitors.get(name)) : [];
  });
  const all = times.map((monitor) => (monitor ? monitor.intervalMs * monitor.fall : 0));
  return Math.min(...all) + 1000;
}

/** Every service with each of its addresses. */
export function vipsOf(plan: FleetPlan): (readonly [service: string, address: string])[] {
  return [...plan.traffic.services].flatMap(([name, { members }]) =>
    [...members.values()].flatMap(({ a, aaaa }) =>
      [...a, ...aaaa].map((address) => [name, address] as const),
    ),
  );
}
