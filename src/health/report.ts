import type { Monitor } from './monitor.ts';
import type { Verdict } from './verdict.ts';

/**
 * One thing that an agent checks: a VIP, by a monitor. Services that share both share the check.
 */
export interface CheckTarget {
  /** `checkId()` of monitor and address; what reports refer to. */
  readonly id: string;
  /** The VIP in canonical text form; no name is ever resolved for it. */
  readonly address: string;
  readonly monitor: Monitor;
  /**
   * True for a target that is known to work (the agent's own uplink, say). Canaries are checked
   * like others but never reported as results: they only say whether the agent itself can be
   * believed.
   */
  readonly canary?: boolean;
}

/** Names a check: the monitor's name and the VIP. Stays the same while the monitor is edited. */
export function checkId(monitorName: string, address: string): string {
  return `${monitorName}@${address}`;
}

/** Names a canary's check, which may be a check of a service as well. */
export function canaryId(monitorName: string, address: string): string {
  return `canary:${checkId(monitorName, address)}`;
}

/**
 * What an agent knows of one target. Durations, never times of day: sender clocks cannot matter.
 */
export interface CheckState {
  /** `CheckTarget.id`. */
  readonly target: string;
  /** After fall and rise; `unknown` until there were enough results. */
  readonly state: Verdict;
  /** How long the state has lasted by the agent's monotonic clock, milliseconds. */
  readonly forMs: number;
  /** What a run of contrary results is about to make of the state, and how many more it takes. */
  readonly next?: { readonly state: Verdict; readonly checks: number };
  /**
   * Of the last check: TCP handshake, TLS handshake, request to first answer byte; milliseconds.
   */
  readonly connectMs?: number;
  readonly tlsMs?: number;
  readonly firstByteMs?: number;
  /** Error class of the last check, and a sentence; absent when it went well. */
  readonly error?: string;
  readonly errorText?: string;
  /** How many checks were made, modulo 65,536: by it one that was seen before is known. */
  readonly made?: number;
  /** True when the agent may not check as the monitor asks and checks over tcp instead. */
  readonly downgraded?: boolean;
}

/**
 * An agent's full state, sent every second and whenever a state changes: the same size whether all
 * is well or all is down. Of each agent only the greatest (boot, sequence) counts.
 */
export interface Report {
  readonly agent: string;
  /** Where the agent stands; agents of one region can fail together. */
  readonly region: string;
  /**
   * Greater for each later start of the agent. The embedded agent takes the milliseconds since
   * 1970; a remote one is given its number, so that its own clock cannot matter.
   */
  readonly boot: number;
  /** 1, 2, 3 … within a boot. */
  readonly sequence: number;
  /** False when the agent's canary targets fail: then nothing that it says is believed. */
  readonly canariesOk: boolean;
  /** One per target of the plan, in the plan's order. */
  readonly results: readonly CheckState[];
}

/** Which of an agent's reports it is. */
export type ReportNumber = Pick<Report, 'boot' | 'sequence'>;

/** Whose report it is, and which. */
export type ReportName = Pick<Report, 'agent' | 'boot' | 'sequence'>;

/** True when `report` came after `than` on its agent, in whatever order they arrived. */
export function isNewer(report: ReportNumber, than: ReportNumber): boolean {
  if (report.boot !== than.boot) return report.boot > than.boot;
  return report.sequence > than.sequence;
}

/** The agent inside `serve`, and the agent region that it is alone in. */
export const embeddedAgent = { agent: 'embedded', region: 'local' } as const;

/** Names under which monitors may ask for the embedded agent. */
export const embeddedVantages: readonly string[] = Object.values(embeddedAgent);

/** How often agents report, milliseconds. */
export const reportIntervalMs = 1000;

/**
 * How long an agent's word on a target counts after its last report, milliseconds: three intervals
 * of the monitor, at least three reports and at most a minute.
 */
export function staleAfterMs(monitor: Pick<Monitor, 'intervalMs'>): number {
  return Math.min(60_000, Math.max(3 * reportIntervalMs, 3 * monitor.intervalMs));
}
