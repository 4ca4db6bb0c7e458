/** The fleet's conclusion about one target. */
export type Verdict = 'up' | 'degraded' | 'down' | 'unknown';

/** What steering needs to know of one member's health; made by health, read by policy. */
export interface MemberHealth {
  /** Per VIP, in its canonical text form; a VIP that is not in the map is unknown. */
  readonly vips: ReadonlyMap<string, Verdict>;
  /** 0 (just recovered) to 1 (fully back): the share of its weight that the member may take. */
  readonly ramp: number;
  /** Last reported load, in the unit of `capacity`; undefined when nothing fresh was reported. */
  readonly load?: number;
  /** Seconds until the member could change state at the earliest, while it is close to a change. */
  readonly secondsToChange?: number;
}

/** Health of a service's members by region name; a member that is not in the map is unknown. */
export type ServiceHealth = ReadonlyMap<string, MemberHealth>;
