import { limits } from '../base/limits.ts';
import type { TableContent } from '../cluster/table-message.ts';
import type { MemberHealth, ServiceHealth } from '../health/verdict.ts';
import type { Traffic } from '../policy/traffic.ts';
import { type HealthSnapshot, snapshotMaxAgeMs } from './apply-health.ts';
import type { HealthEvent } from './controller.ts';
import { became, HealthEvents } from './health-events.ts';
import { memberKey, readMemberKey, readWord, snapshotOf } from './health-words.ts';

const noHealth: ServiceHealth = new Map();

/** A member as the table has it. */
interface Entry {
  /** The JSON text that it came in, by which a change is known. */
  readonly text: string;
  readonly health: MemberHealth;
  /** When each VIP got the verdict that it has, monotonic milliseconds of this process. */
  readonly sinceMs: ReadonlyMap<string, number>;
}

/**
 * Health as the leader judges it: what every node but the leader steers by, so that all choose alike
 * (invariant 14). A member that the table does not hold is unknown.
 */
export class HealthTable {
  readonly #services = new Map<string, Map<string, Entry>>();
  readonly #events = new HealthEvents(limits.healthEvents);

  /** Takes a message, and returns the services whose answers may differ now. */
  take(content: TableContent, nowMs: number, epochMs: number): Set<string> {
    const changed = new Set<string>();
    const seen = new Set<string>();
    for (const [key, word] of content.entries) {
      seen.add(key);
      const [service, member] = readMemberKey(key);
      if (word === null) this.#remove(service, member, changed);
      else this.#put(service, member, word, nowMs, epochMs, changed);
    }
    if (content.full) {
      for (const [service, members] of this.#services) {
        for (const member of members.keys()) {
          if (!seen.has(memberKey(service, member))) this.#remove(service, member, changed);
        }
      }
    }
    return changed;
  }

  health(service: string): ServiceHealth {
    const members = this.#services.get(service);
    if (members === undefined) return noHealth;
    return new Map([...members].map(([member, { health }]) => [member, health]));
  }

  /** When a VIP got its verdict, monotonic milliseconds; undefined for one that is not known. */
  sinceMs(service: string, member: string, address: string): number | undefined {
    return this.#services.get(service)?.get(member)?.sinceMs.get(address);
  }

  /** Changes of verdicts, newest first. */
  events(before: number, limit: number): readonly HealthEvent[] {
    return this.#events.list(before, limit);
  }

  /** What is down, to be kept for the next start or to judge on from. */
  snapshot(traffic: Traffic, nowMs: number, epochMs: number): HealthSnapshot {
    const downForMs = (service: string, member: string, address: string) =>
      nowMs - (this.sinceMs(service, member, address) ?? nowMs);
    return snapshotOf((service) => this.health(service), traffic, downForMs, epochMs);
  }

  /** Takes what was down before a restart, as the first word on health, unless that is long ago. */
  restore(snapshot: HealthSnapshot, nowMs: number, epochMs: number): void {
    const ageMs = epochMs - snapshot.atEpochMs;
    if (ageMs < 0 || ageMs > snapshotMaxAgeMs) return;
    const vips = new Map<string, Map<string, number>>();
    for (const { service, member, address, forMs } of snapshot.down) {
      const key = memberKey(service, member);
      const known = vips.get(key) ?? new Map<string, number>();
      vips.set(key, known.set(address, nowMs - ageMs - forMs));
    }
    for (const [key, sinceMs] of vips) {
      const [service, member] = readMemberKey(key);
      const health: MemberHealth = {
        vips: new Map([...sinceMs.keys()].map((address) => [address, 'down'])),
        ramp: 1,
      };
      this.#membersOf(service).set(member, { text: '', health, sinceMs });
    }
  }

  #put(
    service: string,
    member: string,
    word: unknown,
    nowMs: number,
    epochMs: number,
    changed: Set<string>,
  ): void {
    const members = this.#membersOf(service);
    const before = members.get(member);
    const text = JSON.stringify(word);
    if (before?.text === text) return;
    const health = readWord(word);
    const sinceMs = new Map<string, number>();
    for (const [address, verdict] of health.vips) {
      const old = before?.health.vips.get(address);
      const wasSinceMs = before?.sinceMs.get(address);
      sinceMs.set(address, old === verdict ? (wasSinceMs ?? nowMs) : nowMs);
      if (old !== undefined && old !== verdict) {
        this.#note({ service, member, address, from: old, to: verdict }, epochMs);
      }
    }
    members.set(member, { text, health, sinceMs });
    changed.add(service);
  }

  #note(turn: Omit<HealthEvent, 'sequence' | 'at' | 'text'>, epochMs: number): void {
    const { service, member, address, to } = turn;
    const text = `${member} of ${service} ${became[to]} (${address}), as the leader judges`;
    this.#events.add({ at: new Date(epochMs).toISOString(), ...turn, text });
  }

  #remove(service: string, member: string, changed: Set<string>): void {
    const members = this.#services.get(service);
    if (members?.delete(member) !== true) return;
    if (members.size === 0) this.#services.delete(service);
    changed.add(service);
  }

  #membersOf(service: string): Map<string, Entry> {
    let members = this.#services.get(service);
    if (members === undefined) {
      members = new Map();
      this.#services.set(service, members);
    }
    return members;
  }
}
