/** A point on Earth in decimal degrees (WGS 84). */
export interface Coordinates {
  readonly latitude: number;
  readonly longitude: number;
}

/** All that the databases and the operator's overrides say of an address. Codes are upper case. */
export interface ClientPlace {
  /** ISO 3166-1 alpha-2. */
  readonly country?: string;
  /** AF, AN, AS, EU, NA, OC, SA. */
  readonly continent?: string;
  /** ISO 3166-2 without the country: `CA` in US-CA is written `US-CA` here, with the country. */
  readonly subdivision?: string;
  readonly city?: string;
  readonly asn?: number;
  readonly coordinates?: Coordinates;
  /** True when `coordinates` are only the country's centre. */
  readonly approximate?: boolean;
}

/**
 * What one client map distinguishes: two clients that agree in all of it are of one class.
 * Built from the needs of the services' policies, so that ranges stay few and ECS scopes short.
 */
export interface ClientDistinctions {
  readonly countries: readonly string[];
  readonly continents: readonly string[];
  readonly subdivisions: readonly string[];
  readonly asns: readonly number[];
  /** Prefixes (canonical text) that rules or measurements name. */
  readonly prefixes: readonly string[];
  /** Whether distance or latency matters. */
  readonly coordinates: boolean;
}

/**
 * A client class: all that a policy may know of a client. Fields that its map does not distinguish
 * are absent. Equal (policy, client class, health) give an equal choice (invariant 14).
 */
export interface ClientClass {
  readonly country?: string;
  readonly continent?: string;
  readonly subdivision?: string;
  readonly asn?: number;
  /** Every listed prefix that holds the class, most specific first. */
  readonly prefixes: readonly string[];
  readonly coordinates?: Coordinates;
}
