import type { MemberHealth, ServiceHealth, Verdict } from '../health/verdict.ts';
import type { Traffic } from '../policy/traffic.ts';
import type { HealthSnapshot } from './apply-health.ts';

/*
 * Health as it travels from the leader to all other nodes, one value per member of a service:
 *
 *   "web/eu-west" → [[["192.0.2.10", 2], …], ramp, load or null, seconds to change or null]
 *                       address, verdict
 */

/** Verdicts by the number that stands for them in messages and is never given to another. */
const verdicts: readonly Verdict[] = ['up', 'degraded', 'down', 'unknown'];

type Word = readonly [
  vips: readonly (readonly [address: string, verdict: number])[],
  ramp: number,
  load: number | null,
  secondsToChange: number | null,
];

/** The key of a member in the health table. Names hold no slash. */
export function memberKey(service: string, member: string): string {
  return `${service}/${member}`;
}

/** The two names in a key. */
export function readMemberKey(key: string): readonly [service: string, member: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** The values of a service's members, by key. */
export function* serviceWords(
  service: string,
  health: ServiceHealth,
): Iterable<readonly [key: string, word: unknown]> {
  for (const [member, of] of health) yield [memberKey(service, member), wordOf(of)];
}

function wordOf({ vips, ramp, load, secondsToChange }: MemberHealth): Word {
  const pairs = [...vips].map(
    ([address, verdict]) => [address, verdicts.indexOf(verdict)] as const,
  );
  return [pairs, ramp, load ?? null, secondsToChange ?? null];
}

/** The health that a value stands for. Values are signed by a controller and so well formed. */
export function readWord(word: unknown): MemberHealth {
  const [vips, ramp, load, secondsToChange] = word as Word;
  return {
    vips: new Map(vips.map(([address, verdict]) => [address, verdicts[verdict] ?? 'unknown'])),
    ramp,
    ...(load === null ? {} : { load }),
    ...(secondsToChange === null ? {} : { secondsToChange }),
  };
}

/** What is down in a table, as a node keeps it for its next start and begins to judge from. */
export function snapshotOf(
  health: (service: string) => ServiceHealth,
  traffic: Traffic,
  downForMs: (service: string, member: string, address: string) => number,
  atEpochMs: number,
): HealthSnapshot {
  const down: HealthSnapshot['down'][number][] = [];
  for (const [service, { monitors }] of traffic.services) {
    for (const [member, { vips }] of health(service)) {
      for (const [address, verdict] of vips) {
        if (verdict !== 'down') continue;
        const forMs = Math.round(downForMs(service, member, address));
        for (const monitor of monitors) down.push({ service, member, address, monitor, forMs });
      }
    }
  }
  return { version: 1, atEpochMs, down };
}
