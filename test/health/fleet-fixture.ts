import type { ServicePlan } from '../../src/health/fleet-state.ts';
import type { Monitor } from '../../src/health/monitor.ts';
import type { CheckState, Report } from '../../src/health/report.ts';
import type { Verdict } from '../../src/health/verdict.ts';

export const httpMonitor: Monitor = {
  type: 'http',
  intervalMs: 10_000,
  timeoutMs: 4000,
  fall: 3,
  rise: 2,
  quorum: 'majority',
  port: 80,
};

/** A service whose members `m1` … have one VIP each, 192.0.2.1 …, of equal share. */
export function planOf(count: number, more: Partial<ServicePlan> = {}): ServicePlan {
  const members = Array.from({ length: count }, (_, place) => ({
    name: `m${place + 1}`,
    addresses: [`192.0.2.${place + 1}`],
    share: 1 / count,
  }));
  return {
    name: 'web',
    monitors: ['http'],
    members,
    rampMs: 180_000,
    watchesChange: false,
    ...more,
  };
}

/** `report('eu1', 4, { 'http@192.0.2.1': 'down' })`: the region is the agent's name without digits. */
export function report(
  agent: string,
  sequence: number,
  states: Readonly<Record<string, Verdict | Partial<CheckState>>>,
  more: Partial<Report> = {},
): Report {
  return {
    agent,
    region: agent.replace(/\d+$/, ''),
    boot: 1,
    sequence,
    canariesOk: true,
    results: Object.entries(states).map(([target, state]) => ({
      target,
      forMs: 0,
      state: 'unknown' as Verdict,
      ...(typeof state === 'string' ? { state } : state),
    })),
    ...more,
  };
}
