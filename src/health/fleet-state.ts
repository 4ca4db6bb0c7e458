import type { DampingState } from './damping.ts';
import type { LoadState } from './load.ts';
import type { Monitor } from './monitor.ts';
import type { Ruling } from './quorum.ts';
import type { RampState } from './ramp.ts';
import type { Fall } from './velocity-guard.ts';
import type { MemberHealth, ServiceHealth, Verdict } from './verdict.ts';

/**
 * What the fleet remembers. Checks are shared, targets are a service's own:
 *
 *   Check "https@192.0.2.10"  ruling of the quorum
 *     ├── Target web/us-east ─▶ velocity guard ─▶ damping ─▶ verdict ┐
 *     └── Target api/us-east ─▶ …                                    ▼
 *   Service web ── Member us-east ── Vip 192.0.2.10 = worst of its targets
 *                       └── ramp, load, MemberHealth
 */
export interface Check {
  readonly id: string;
  readonly address: string;
  readonly monitorName: string;
  monitor: Monitor;
  staleAfterMs: number;
  /** Agents and agent regions whose word counts; undefined: all. */
  from: ReadonlySet<string> | undefined;
  ruling: Ruling;
  secondsToChange: number | undefined;
  readonly targets: Set<Target>;
}

export interface Target {
  readonly check: Check;
  readonly vip: Vip;
  damping: DampingState;
  heldUntilMs: number | undefined;
  /** Kept from going down by the velocity guard. */
  guarded: boolean;
  /** Down from before a restart; believed until then or until the first fresh ruling. */
  restoredUntilMs: number | undefined;
}

export interface Vip {
  readonly member: MemberState;
  readonly address: string;
  readonly share: number;
  targets: Target[];
  verdict: Verdict;
}

export interface MemberState {
  readonly service: ServiceState;
  readonly name: string;
  readonly vips: Map<string, Vip>;
  ramp: RampState;
  load: LoadState | undefined;
  /** Planned work is going on: its changes are no news, and the velocity guard lets them pass. */
  inMaintenance: boolean;
  health: MemberHealth;
}

export interface ServiceState {
  readonly name: string;
  plan: ServicePlan;
  readonly members: Map<string, MemberState>;
  falls: Fall[];
  /** When the velocity guard last raised an alarm. */
  alarmedMs: number | undefined;
  /** Made on demand from the members; undefined when one of them changed. */
  health: ServiceHealth | undefined;
}

/** What of a service matters to its health. */
export interface ServicePlan {
  readonly name: string;
  /** Names of the monitors that every VIP must pass. */
  readonly monitors: readonly string[];
  readonly members: readonly MemberPlan[];
  /** Length of the recovery ramp, milliseconds. */
  readonly rampMs: number;
  /** True when answers depend on how close a member is to a change (`ttl.min` < `ttl.max`). */
  readonly watchesChange: boolean;
}

export interface MemberPlan {
  readonly name: string;
  /** Canonical text, both families. */
  readonly addresses: readonly string[];
  /** Its part of the service's capacity (or weight), 0 to 1. */
  readonly share: number;
}

/** A VIP whose verdict changed, and why. */
export interface VipTurn {
  readonly service: string;
  readonly member: string;
  readonly address: string;
  readonly from: Verdict;
  readonly to: Verdict;
  /** What decided: agents' votes, their silence, or memory from before a restart. */
  readonly cause: 'votes' | 'silence' | 'restored';
  /** The check that decided. */
  readonly check: string;
  readonly agreeing: number;
  readonly voters: number;
  /** The error that most of the agreeing agents gave, where the verdict is not up. */
  readonly error?: string;
  /** True while the member is in maintenance. */
  readonly planned?: boolean;
}

/** A VIP, or too much of a service, would go down on the word of one agent region alone. */
export interface VelocityAlarm {
  readonly service: string;
  readonly member: string;
  readonly address: string;
  readonly verdict: Verdict;
  /** The agent region whose word it is. */
  readonly region: string;
  /** True when the VIPs are kept in the answers. */
  readonly held: boolean;
  /** `share`: too much at once; `alone`: the word of other regions of the fleet is missed. */
  readonly reason: 'share' | 'alone';
  /** Those regions. */
  readonly awaited: readonly string[];
}

/** What an event in the fleet changed. */
export interface Changed {
  /** Services whose answers may differ now. */
  readonly services: Set<string>;
  readonly turns: VipTurn[];
  readonly alarms: VelocityAlarm[];
}
