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
