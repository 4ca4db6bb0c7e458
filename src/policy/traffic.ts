import type { Coordinates } from '../geo/client.ts';
import type { MaintenanceWindow } from '../health/maintenance.ts';
import type { Monitor } from '../health/monitor.ts';

/**
 * What is steered, where and how: the traffic file and the API's objects after validation, with every
 * default filled in. `control/traffic-file.ts` reads and writes the form that operators see.
 */
export interface Traffic {
  readonly regions: ReadonlyMap<string, Region>;
  readonly monitors: ReadonlyMap<string, Monitor>;
  readonly services: ReadonlyMap<string, Service>;
  /** The operator's own knowledge of networks; comes before every database. */
  readonly networks: readonly NetworkOverride[];
  /** The probe agents that were enrolled, by name; absent: none. */
  readonly agents?: ReadonlyMap<string, FleetAgent>;
}

/** A revoked agent is remembered, so that its name cannot be taken, but has no say. */
export type AgentState = 'active' | 'revoked';

/** A probe agent that was enrolled. */
export interface FleetAgent {
  /** As written: `aws:eu-west-1`, `52.5,13.4`. */
  readonly location: string;
  readonly coordinates: Coordinates;
  /** The agent region: agents of one can fail together, and have one vote together. */
  readonly region: string;
  /** Ed25519: 32 octets, base64url. */
  readonly publicKey: string;
  readonly state: AgentState;
  /** Its own canary targets besides those of the monitors: monitor → addresses. */
  readonly canaries: ReadonlyMap<string, readonly string[]>;
}

/**
 * - `active`: health decides.
 * - `drained`: gets no new clients; not counted as failed.
 * - `down`: treated as if the verdict were down; `up`: as if it were up. Both outrank the verdict.
 */
export type AdminState = 'active' | 'drained' | 'down' | 'up';

/** A place with coordinates where services run. */
export interface Region {
  /** As written: `aws:us-east-1`; absent when coordinates were given. */
  readonly place?: string;
  readonly coordinates: Coordinates;
  /** Share of its weight that the region may take, 0 to 100; 0 drains it. */
  readonly dial: number;
  readonly state: AdminState;
  /** When set, what `dial` and `state` go back to, and when. */
  readonly expiry?: { readonly at: string; readonly dial: number; readonly state: AdminState };
  /** Planned work on whatever stands there. */
  readonly maintenance?: readonly MaintenanceWindow[];
}

/** One service's presence in one region. Its name is the region's. */
export interface Member {
  readonly region: string;
  /** IPv4 VIPs, canonical text. */
  readonly a: readonly string[];
  /** IPv6 VIPs, canonical text. */
  readonly aaaa: readonly string[];
  /** 0 to 65535; 0 serves only when nothing else can. Default 1. */
  readonly weight: number;
  /** In the unit that load is reported in; undefined means without bound. */
  readonly capacity: number | undefined;
  /** Default `active`. */
  readonly state: AdminState;
  readonly maintenance?: readonly MaintenanceWindow[];
}

export interface Service {
  readonly ttl: ServiceTtl;
  /** Names of monitors; every VIP must pass all of them. */
  readonly monitors: readonly string[];
  readonly members: ReadonlyMap<string, Member>;
  readonly policy: PolicyNode;
  /** 0 to 1 of weight; nodes may set their own. Default 0.5. */
  readonly minHealthy: number;
  /** `all`: every member that could serve; `nodata`; or a member's name. Default `all`. */
  readonly whenAllDown: 'all' | 'nodata' | { readonly member: string };
  /** Seconds over which a recovered member comes back to its full weight. Default 180. */
  readonly rampSeconds: number;
  /** Demand beyond a member's capacity goes to the node's next choice. Default false. */
  readonly spill: boolean;
  readonly maintenance?: readonly MaintenanceWindow[];
}

/** Seconds. `min` < `max` lets it shrink while a chosen member is close to a change. Default 30/30. */
export interface ServiceTtl {
  readonly min: number;
  readonly max: number;
}

/** One node of a policy tree (DESIGN.md §4). `all` is already spelled out as the service's members. */
export type PolicyNode =
  | { readonly kind: 'member'; readonly member: string }
  | (NodeOptions & {
      readonly kind: 'roundRobin';
      readonly children: readonly PolicyNode[];
      /** 1 to 8; default 8. */
      readonly answers: number;
    })
  | (NodeOptions & { readonly kind: 'weighted'; readonly children: readonly WeightedChild[] })
  | (NodeOptions & {
      readonly kind: 'geo';
      readonly rules: readonly GeoRule[];
      /** Where no rule matches, or the matching one has failed. */
      readonly otherwise: PolicyNode | undefined;
    })
  | (NodeOptions & {
      readonly kind: 'nearest';
      readonly children: readonly PolicyNode[];
      readonly answers: number;
      /** Kilometres taken off (negative) or put on (positive) a member's distance, by member name. */
      readonly biasKm: ReadonlyMap<string, number>;
    })
  | (NodeOptions & {
      readonly kind: 'latency';
      readonly children: readonly PolicyNode[];
      /** Members within the larger of both of the best share by weight. Defaults 10 ms, 0.1. */
      readonly toleranceMs: number;
      readonly toleranceRatio: number;
    })
  | (NodeOptions & { readonly kind: 'failover'; readonly children: readonly PolicyNode[] })
  | (NodeOptions & { readonly kind: 'sticky'; readonly children: readonly WeightedChild[] })
  | (NodeOptions & { readonly kind: 'leastLoad'; readonly children: readonly PolicyNode[] });

/** What every node may set. */
export interface NodeOptions {
  /** Overrides the service's. */
  readonly minHealthy?: number;
  /** The operator wrote `all`, which the children spell out. Only writing it back reads this. */
  readonly all?: true;
}

/** `weight` overrides the member's; a nested node without one weighs the sum of its members. */
export interface WeightedChild {
  readonly node: PolicyNode;
  readonly weight?: number;
}

export interface GeoRule {
  /** A client matches when any value of any listed kind fits; the most specific kind wins. */
  readonly match: GeoMatch;
  readonly use: PolicyNode;
}

export interface GeoMatch {
  /** Canonical prefixes. Longest wins. */
  readonly cidr: readonly string[];
  readonly asn: readonly number[];
  /** `US-CA`. */
  readonly subdivision: readonly string[];
  /** ISO 3166-1 alpha-2. */
  readonly country: readonly string[];
  readonly continent: readonly string[];
}

/** What the operator says of a prefix. */
export interface NetworkOverride {
  readonly cidr: string;
  readonly country?: string;
  readonly continent?: string;
  readonly subdivision?: string;
  readonly asn?: number;
  readonly coordinates?: Coordinates;
  /** As written, where coordinates came from a place. */
  readonly place?: string;
}
