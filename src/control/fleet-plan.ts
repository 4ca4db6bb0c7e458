import type { MemberPlan, ServicePlan } from '../health/fleet-state.ts';
import type { Service, Traffic } from '../policy/traffic.ts';

/** The agents whose word counts, with their regions. */
export function activeAgents({ agents }: Traffic): ReadonlyMap<string, string> {
  return new Map(
    [...(agents ?? [])].flatMap(([name, { state, region }]) =>
      state === 'active' ? [[name, region] as const] : [],
    ),
  );
}

/** True when nothing that matters to a service's health differs between two configurations. */
export function isSameTo(name: string, before: Traffic, after: Traffic): boolean {
  const old = before.services.get(name);
  const now = after.services.get(name);
  if (old === undefined || now === undefined || old !== now) return false;
  return now.monitors.every(
    (monitor) => before.monitors.get(monitor) === after.monitors.get(monitor),
  );
}

/** What of a service matters to its health. */
export function servicePlan(name: string, service: Service): ServicePlan {
  const members = [...service.members];
  const byCapacity = members.every(([, { capacity }]) => capacity !== undefined);
  const sizes = members.map(([, { capacity, weight }]) => (byCapacity ? (capacity ?? 0) : weight));
  const sum = sizes.reduce((total, size) => total + size, 0);
  const plans = members.map(([member, { a, aaaa }], place): MemberPlan => {
    const share = sum > 0 ? (sizes[place] ?? 0) / sum : 1 / members.length;
    return { name: member, addresses: [...a, ...aaaa], share };
  });
  return {
    name,
    monitors: service.monitors,
    members: plans,
    rampMs: service.rampSeconds * 1000,
    watchesChange: service.ttl.min < service.ttl.max,
  };
}
