/** Every cap in Meridian, with its reason. Units stand last in each name. */
export const limits = {
  // wire (RFC 1035 §2.3.4)
  labelBytes: 63,
  nameBytes: 255,
  messageBytes: 65_535,
  /** A name has at most 127 labels, so that nobody needs more; long chains only burn time. */
  pointersPerName: 127,
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

  // latency
  /**
   * Of (prefix, ASN, country or agents' place), region and sender; about 1.4 KiB each. Those give way that
   * were measured in the fewest intervals of late, newcomers first.
   */
  latencySeries: 50_000,
  /**
   * Prefixes, ASNs and countries that estimates tell apart: each may add a client class. Those measured
   * least give way to others that are measured twice as often.
   */
  latencyKeys: 10_000,
  /** What was measured, as kept over a restart: unpacked. 50,000 series are about 12 MB. */
  latencyFileBytes: 128 * 1024 * 1024,
  /** What was measured is saved so often: as much is lost by a crash. */
  latencySaveMs: 600_000,
  /** Longer is a timeout, not a path. */
  rttMs: 10_000,

  // streams (RFC 7766 §6.2)
  tcpConnections: 1000,
  tcpConnectionsPerAddress: 32,
  tcpIdleMs: 10_000,
  tcpPipelinedQueries: 100,

  /** An answer of 512 octets has room for it beside everything else. */
  nsidBytes: 64,

  // server: threads
  /** Requests that threads died of; each is compared with every query while it is held. */
  quarantinedRequests: 64,
  /** Zones and members of services whose queries are counted apart; a power of 2 for members. */
  countedZones: 131_072,
  countedMembers: 524_288,
  /** Zones, and members, of which /metrics prints the counts: those that were asked for most. */
  metricSeries: 10_000,

  // server: rate limit and cookies
  /** Client networks that are counted at once; 16 octets each: 1 MiB, which stays in a core's cache. */
  rateLimitEntries: 65_536,
  /** Beyond it a client's answers are 10 µs apart, and nothing is limited any more. */
  rateLimitPerSecond: 100_000,
  rateLimitSlip: 100,
  /** Compared one after another with a client that would be limited. */
  rateLimitExemptions: 64,
  /** The one that signs and the one that follows or went before (RFC 9018 §5). */
  cookieSecrets: 2,

  // API
  bodyBytes: 1024 * 1024,
  /** Master files in `PUT /v1/zones/{zone}`: about 1 M records. */
  zoneBodyBytes: 64 * 1024 * 1024,
  /** A name of 255 octets, each written \DDD, fits. */
  pathSegmentChars: 1100,
  /** Every recursion over a body ends here. */
  jsonDepth: 64,
  /** Problems listed in one answer; a reader mends a few and tries again. */
  problemsPerAnswer: 100,
  samplesPerBatch: 10_000,
  /** Round-trip times; at 2 µs each a fifth of a core. */
  samplesPerSecond: 100_000,
  /** Leaves room for the others. */
  samplesPerSecondAndToken: 75_000,
  /** Two for each agent, and room for people. */
  apiConnections: 3072,
  /** Streams of live events; each costs a socket and a buffer. */
  eventStreams: 32,
  eventStreamBufferBytes: 256 * 1024,
  /** Addresses whose failed authentications are remembered; the oldest gives way. */
  authFailureAddresses: 4096,
  authFailuresInARow: 20,
  changesPerAnswer: 1000,

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

  // health and probe
  agents: 1000,
  /** Silent agents are remembered this long: they still count as known, and cannot come back older. */
  agentMemoryMs: 3_600_000,
  /** An enrolled one is waited for this long after its last word; then it is as if it was revoked. */
  enrolledMemoryMs: 86_400_000,
  /** What one agent checks; the plan's tail beyond it stays unknown. */
  checksPerAgent: 50_000,
  /** Error texts in a report; beyond it only their classes are told. */
  reportTextBytes: 16 * 1024,
  /** Plans that reports may still speak of: the newest, and those that agents are about to leave. */
  rememberedPlans: 64,
  /** How long an agent's question for a new plan may wait for one. */
  planWaitSeconds: 60,
  canariesPerMonitor: 16,
  canariesPerAgent: 16,
  /** Of all its monitors and its own: more would be checked more than what matters. */
  canariesPerPlan: 64,
  vantagesPerMonitor: 100,
  maintenanceWindows: 32,
  /**
   * Sockets that one agent has open at once; further checks wait their turn. Two thousand targets
   * that swallow packets, at 10 s and 4 s, hold 800.
   */
  concurrentChecks: 2048,
  concurrentExecChecks: 16,
  /** Read of an HTTP body; a health answer is smaller, and no expression runs over more. */
  checkBodyBytes: 64 * 1024,
  /** An expression that backtracks for longer is given up. */
  bodyPatternMs: 50,
  execOutputBytes: 4096,
  checkErrorChars: 200,
  healthEvents: 10_000,

  // cluster
  /** Without a word in this time a leader is taken for dead. */
  leaseMs: 5000,
  /** A leader distrusts its lease this much earlier than the bus does. */
  leaseMarginMs: 1000,
  leaseRenewMs: 1000,
  /** Changes of more writes than this have the lease last longer, by the time for each. */
  leaseWrites: 10_000,
  leaseMsPerWrite: 0.1,
  /** How much longer a standby waits for each controller that it knows to have more. */
  deferMs: 15_000,
  deferTurns: 3,
  /** What does not answer within this is hung; well below the lease's length. */
  busCommandMs: 1500,
  /** Longest wait of one blocking read. */
  busWaitMs: 2000,
  busEntriesPerRead: 100,
  /** A revision of more bytes than this travels in chunks; also the size of a chunk, before gzip. */
  chunkBytes: 1024 * 1024,
  /** Chunks that no snapshot announced are dropped after this. */
  chunkMs: 900_000,
  /** Messages longer than this are gzipped. */
  plainMessageBytes: 4096,
  /** Against a message that grows without end when it is unpacked. */
  messageInflatedBytes: 256 * 1024 * 1024,
  snapshotEveryRevisions: 100,
  snapshotEveryMs: 600_000,
  /** Revisions and bytes of history that a snapshot carries beside the objects. */
  snapshotRevisions: 1000,
  snapshotHistoryBytes: 8 * 1024 * 1024,
  snapshotAnswers: 10_000,
  /** How long a change waits for a standby to have stored it. */
  replicaMs: 2000,
  heartbeatMs: 1000,
  heartbeatTtlMs: 5000,
  heartbeatBytes: 4096,
  /** A leader begins a new term because of what nodes say, whose heartbeats nobody signs, no more often. */
  nodeClaimMs: 60_000,
  nodes: 1000,
  /** Messages of a table kept for those who read on; the full table covers what is older. */
  tableEntries: 10_000,
  /** The leader publishes the whole of a table this often; changes go at once. */
  tableFullMs: 30_000,
  /** The health table says this often that its publisher lives. */
  tableBeatMs: 2000,
  /** A node that has heard nothing of the health table for this long judges by itself. */
  tableSilenceMs: 15_000,
  /** Reports and batches of samples that wait to be passed on to other controllers. */
  relayedItems: 1000,
  /** Messages kept in a raw stream. Those of reports come 20 a second from each controller and may hold a megabyte. */
  streamEntries: { reports: 200, samples: 2000, acks: 1000 },
  /** Files of revisions that the cluster does not have; beyond it only the newest are written. */
  orphanedRevisions: 1000,

  // geo
  /** City databases are below 200 MiB; Node reads no file of 2 GiB in one go. */
  geoFileBytes: 1024 * 1024 * 1024,
  /** Classes of one client map; each is evaluated for every service that uses the map. */
  clientClasses: 65_536,
  /** Text that is compared with every place name. */
  placeNameChars: 64,
} as const;
