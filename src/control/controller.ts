import type { Problem } from '../base/errors.ts';
import type { IpAddress } from '../base/ip.ts';
import type { ClientPlace } from '../geo/client.ts';
import type { AgentRegion } from '../health/agent-record.ts';
import type { ServiceHealth, Verdict } from '../health/verdict.ts';
import type { LatencyBlend } from '../latency/estimate.ts';
import type { Evaluation, Vip } from '../policy/choice.ts';
import type { Traffic } from '../policy/traffic.ts';
import type { StoredToken } from '../store/store.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import type { ChangeRequest } from './apply-change.ts';
import type { ApplyOptions, ApplyResult, ObjectKind, ObjectWrite, Revision } from './change.ts';

/** The configuration of one revision, read-only. */
export interface Configuration {
  readonly revision: number;
  readonly zones: ReadonlyMap<NameKey, Zone>;
  readonly traffic: Traffic;
  /** Access tokens by id, expired ones included. */
  readonly tokens: ReadonlyMap<string, StoredToken>;
}

/**
 * All that the API, the CLI and the simulator may ask of the control plane.
 * Errors are MeridianError; `E_PRECONDITION` when an ETag did not match, `E_NOT_FOUND`, `E_CONFLICT`.
 */
export interface Controller {
  configuration(): Configuration;
  /** `"r12"`, or undefined when the object does not exist. A zone's covers all its RRsets. */
  etag(kind: ObjectKind, id: string): string | undefined;
  body(kind: ObjectKind, id: string): string | undefined;
  /** Validate, compile, store, publish: one revision, or an error and nothing. */
  apply(writes: readonly ObjectWrite[], options: ApplyOptions): Promise<ApplyResult>;
  /** Like `apply`, with writes that are worked out from what is there when the change's turn comes. */
  change(request: ChangeRequest, options: ApplyOptions): Promise<ApplyResult>;
  /** Replaces one zone from master-file text. */
  applyZoneText(origin: NameKey, text: string, options: ApplyOptions): Promise<ApplyResult>;
  rollback(toRevision: number, options: ApplyOptions): Promise<ApplyResult>;
  revision(number: number): Revision | undefined;
  revisions(before: number, limit: number): readonly Revision[];

  health(): HealthView;
  explain(question: ExplainQuestion): Explanation;
  /**
   * RTT samples; returns how many were taken and what was wrong with the others, by index. `source` is
   * whose token sent them.
   */
  measure(
    samples: readonly RttSample[],
    source?: string,
  ): { accepted: number; problems: readonly Problem[] };
  /** Load reports by service and member. */
  reportLoad(samples: readonly LoadSample[]): { accepted: number; problems: readonly Problem[] };
}

export interface RttSample {
  /** Exactly one of `clients`, `prefix`, `asn` and `country`; `clients` is any of the others as text. */
  readonly clients?: string;
  readonly prefix?: string;
  readonly asn?: number;
  readonly country?: string;
  readonly region: string;
  readonly ms: number;
  /** How many measurements the number stands for; default 1. */
  readonly count?: number;
}

export interface LoadSample {
  readonly service: string;
  readonly member: string;
  /** In the unit of the member's capacity. */
  readonly load: number;
}

/** Live health, for the API and explain. */
export interface HealthView {
  service(name: string): ServiceHealth | undefined;
  /** Every target of one member with its verdict and the last error. */
  targets(service: string, member?: string): readonly TargetStatus[];
  events(before: number, limit: number): readonly HealthEvent[];
  /** The agent regions of the fleet that judges here; empty where another process judges. */
  agentRegions(): readonly AgentRegion[];
}

export interface TargetStatus {
  readonly service: string;
  readonly member: string;
  readonly address: string;
  readonly monitor: string;
  readonly verdict: Verdict;
  /** RFC 3339. */
  readonly since: string;
  /** Held back by damping until then. */
  readonly heldUntil?: string;
  /** True when it would be down, but for the word of one agent region alone. */
  readonly guarded?: true;
  /** Where it is guarded: the agent regions whose word is missed. */
  readonly awaits?: readonly string[];
  /** True while planned work goes on. */
  readonly maintenance?: true;
  readonly votes: readonly Vote[];
}

/** What one agent last said of a target. */
export interface Vote {
  readonly agent: string;
  /** The agent region. */
  readonly region: string;
  /** What it says; `unknown` when that no longer counts. */
  readonly state: Verdict;
  readonly since: string;
  /** False: it is silent, or its own canaries fail. */
  readonly counts: boolean;
  /** True: it was silent for so long that nobody waits for it. */
  readonly forgotten?: true;
  readonly connectMs?: number;
  readonly tlsMs?: number;
  readonly firstByteMs?: number;
  readonly error?: string;
  readonly errorText?: string;
  /** True when an icmp monitor is checked over tcp there. */
  readonly downgraded?: true;
}

export interface HealthEvent {
  readonly sequence: number;
  readonly at: string;
  readonly service: string;
  readonly member: string;
  readonly address: string;
  readonly from: Verdict;
  readonly to: Verdict;
  /** `eu-west of web went down: 1 of 1 agents, connection refused`. */
  readonly text: string;
}

export interface ExplainQuestion {
  readonly name: string;
  readonly type: 'A' | 'AAAA';
  /** Address or prefix of the client; the ECS source prefix when a prefix. */
  readonly client: string;
}

export interface Explanation {
  readonly question: ExplainQuestion;
  readonly revision: number;
  readonly zone?: string;
  readonly service?: string;
  readonly client: {
    readonly address: string;
    readonly family: 4 | 6;
    readonly place: ClientPlace;
    /** Which database or override said so. */
    readonly source: string;
    readonly scopePrefix: number;
    readonly classIndex: number;
  };
  readonly evaluation?: Evaluation;
  /** What a query now would get (rotation and random draws aside). */
  readonly answer: readonly Vip[];
  /** Round-trip times by member, with the sources that each is made of. */
  readonly latency: Readonly<Record<string, LatencyBlend>>;
  readonly ttlSeconds?: number;
  /** When the name is not steered: what it is instead (`static`, `NXDOMAIN`, `NODATA`, `REFUSED`). */
  readonly note?: string;
}

/** Address type used across the control plane. */
export type ClientAddress = IpAddress;
