import type { Prefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';

/** What an operator may set of how queries are answered; plain data, sent to every worker. */
export interface ServerSettings {
  /** Sent when asked for (RFC 5001); absent: never. At most 64 octets. */
  readonly nsid?: Uint8Array;
  /** Text of CH TXT version.bind and version.server; absent: refused. */
  readonly versionBind?: string;
  /** Text of CH TXT id.server and hostname.bind; absent: refused. */
  readonly serverId?: string;
  readonly ecs: SubnetSettings;
  /** Longest answer over UDP, in octets: 512 to 4,096. */
  readonly udpPayloadBytes: number;
  readonly tcp: StreamSettings;
  /** Absent: every request over UDP is answered. */
  readonly rateLimit?: RateLimitSettings;
  /** Absent: cookies are ignored as if unknown. */
  readonly cookies?: CookieSettings;
}

/** How many answers over UDP a client network may get; see `RateLimit`. */
export interface RateLimitSettings {
  /** Answers a second, 1 to limits.rateLimitPerSecond. */
  readonly perSecond: number;
  /** One in so many suppressed answers becomes a hint to ask over a stream; 0: none. */
  readonly slip: number;
  /** Who is never limited. */
  readonly exempt: readonly Prefix[];
  /** Made by `createRateLimitTable`; all threads count in it. */
  readonly table: SharedArrayBuffer;
}

/** What an operator may say of it. */
export type RateLimitOptions = Partial<Omit<RateLimitSettings, 'table'>>;

/** How DNS cookies are made (RFC 9018). */
export interface CookieSettings {
  /** 16 octets each: the one that signs, and perhaps another that is believed. */
  readonly secrets: readonly Uint8Array[];
  /** Whether the first is only what secrets are made from, a new one every 26 hours. */
  readonly rollsOver: boolean;
}

/** Whose client subnets count (RFC 7871 §7.2.1); from others the option is ignored as if unknown. */
export interface SubnetSettings {
  readonly allow: boolean;
  /** Resolvers that may send one; absent: all. */
  readonly from?: readonly Prefix[];
}

/** Caps of streams (RFC 7766 §6.2). */
export interface StreamSettings {
  readonly connections: number;
  readonly connectionsPerAddress: number;
  readonly idleMs: number;
}

/** DESIGN.md §13. */
export const defaultSettings: ServerSettings = {
  ecs: { allow: true },
  udpPayloadBytes: limits.udpPayloadBytes,
  tcp: {
    connections: limits.tcpConnections,
    connectionsPerAddress: limits.tcpConnectionsPerAddress,
    idleMs: limits.tcpIdleMs,
  },
};
