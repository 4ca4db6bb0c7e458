/** Every cap in Meridian, with its reason. Units stand last in each name. */
export const limits = {
  // wire (RFC 1035 §2.3.4)
  labelBytes: 63,
  nameBytes: 255,
  messageBytes: 65_535,
  /** DNS Flag Day 2020: fits one IPv6 packet on nearly every path. */
  udpPayloadBytes: 1232,
  minUdpPayloadBytes: 512,

  // zones
  rrsPerRrset: 100,
  recordsPerZone: 1_000_000,
  includeDepth: 8,
  /** RFC 2181 §8 allows 2^31-1; over a week a mistake could not be taken back. */
  ttlSeconds: 604_800,
  cnameChain: 8,
  masterFileBytes: 512 * 1024 * 1024,

  // steering
  policyDepth: 8,
  regions: 1000,
  services: 100_000,
  membersPerService: 1000,
  vipsPerMember: 16,
  answersPerQuery: 8,
  geoRulesPerService: 10_000,

  // streams (RFC 7766 §6.2)
  tcpConnections: 1000,
  tcpConnectionsPerAddress: 32,
  tcpIdleMs: 10_000,
  tcpPipelinedQueries: 100,

  // API
  bodyBytes: 1024 * 1024,
} as const;
