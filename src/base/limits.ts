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
  /** A TXT record of 65,535 empty strings fits. */
  fieldsPerRecord: 131_072,
  /** Against files that include each other in ever more ways within the depth. */
  includesPerZone: 10_000,
  /** Longer lists help nobody; the rest is counted. */
  problemsPerZone: 1000,

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

  // control: operator forms and the way of a change
  monitors: 1000,
  monitorsPerService: 16,
  networks: 10_000,
  /** Leaves room in logs, metrics labels and file names. */
  objectNameChars: 63,
  textChars: 4096,
  execWords: 64,
  httpHeaders: 32,
  httpRedirects: 5,
  /** A hundred thousand services fit; a file that is larger is a mistake. */
  trafficFileBytes: 64 * 1024 * 1024,
  monitorIntervalMinMs: 500,
  monitorIntervalMaxMs: 3_600_000,
  monitorTimeoutMinMs: 50,
  monitorThreshold: 20,
  monitorQuorum: 100,
  rampSeconds: 86_400,
  memberWeight: 65_535,
  /** Half the Earth's circumference: more bias could not change an order. */
  biasKm: 20_038,
  /** Changes that wait their turn; each holds its caller's connection open. */
  waitingChanges: 1000,
  writesPerChange: 2_000_000,
  revisionsPerPage: 1000,
  idempotencyKeyChars: 200,
  idempotencyMs: 86_400_000,
  publishRetryMaxMs: 30_000,
  tokens: 1000,
  tokenScopes: 100,
  chosenTokenMinChars: 16,
} as const;
