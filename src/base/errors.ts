/** Every stable error code, with the headline that docs/errors.md explains. Sorted by area. */
export const errorCodes = {
  // base, command line
  E_FLAG: 'a command line flag is unknown, missing or malformed',
  E_PORT_TAKEN: 'another process holds the address',
  E_PORT_FORBIDDEN: 'the process may not bind the port',
  E_LISTEN_ADDRESS: 'an address to listen on is malformed or not of this machine',
  E_CERTIFICATE: 'the certificate or key of the admin API cannot be used',
  E_INTERNAL: 'a bug in Meridian',
  E_API_UNREACHABLE: 'the admin API of a node cannot be reached',
  E_API_ANSWER: 'what answered a command is not the admin API of Meridian',
  E_TOKEN_MISSING: 'a command has no access token to send, or cannot read it',
  E_EXPORT_EXISTS: 'a file that an export would replace says something else',
  E_DEMO_ORIGINS: 'the origins of the demonstration cannot start',
  E_SIMULATION: 'a simulation names something that does not exist',
  E_RESTART: 'a node cannot be restarted while it serves',
  E_EXPLAIN_QUESTION: 'the client to explain cannot be read',
  // wire: names and rdata
  E_NAME_SYNTAX: 'a domain name is malformed',
  E_NAME_TOO_LONG: 'a label is over 63 or a name over 255 octets',
  E_RDATA_SYNTAX: 'the fields of a record do not fit its type',
  E_RDATA_RANGE: 'a number in a record is out of range',
  E_TYPE_UNKNOWN: 'a record type is not known by that name',
  // zone: master files
  E_ZONE_SYNTAX: 'a master file entry is malformed',
  E_ZONE_ENCODING: 'a master file is not UTF-8 text',
  E_ZONE_DIRECTIVE: 'a $ directive is unknown or malformed',
  E_ZONE_INCLUDE: 'a file to include may not or cannot be read',
  E_ZONE_GENERATE: 'a $GENERATE directive is malformed or makes too much',
  E_ZONE_OWNER: 'a record has no owner name, or a malformed one',
  E_ZONE_CLASS: 'a record is of a class other than IN',
  E_ZONE_TTL: 'a TTL is missing or malformed',
  E_ZONE_TTL_RANGE: 'a TTL is over the limit',
  E_ZONE_TYPE: 'a type cannot stand in a zone',
  E_ZONE_OUTSIDE: 'a record lies outside its zone',
  E_ZONE_FILE: 'a zone file or folder cannot be read',
  E_ZONE_TWICE: 'two files hold the same zone',
  E_ZONE_TOO_LARGE: 'a zone or master file is over a limit',
  E_ZONE_MORE: 'there are more problems than were reported',
  // zone: what the records say together
  E_ZONE_SOA: 'a zone has no SOA, two, or one below its apex',
  E_ZONE_NS: 'a zone has no NS at its apex, or one where it may not stand',
  E_ZONE_CNAME_CONFLICT: 'a CNAME stands beside other records',
  E_ZONE_DNAME_CONFLICT: 'a DNAME stands beside or above what it excludes',
  E_ZONE_STEER: 'a STEER record names no proper service or stands where it cannot answer',
  E_ZONE_STEER_CONFLICT: 'a STEER record stands beside addresses or another STEER',
  E_ZONE_RRSET_TOO_LARGE: 'an RRset is over the limit of records or octets',
  E_ZONE_DUPLICATE: 'a record is there twice',
  E_ZONE_TTL_MISMATCH: 'the records of an RRset differ in TTL',
  E_ZONE_OCCLUDED: 'a record below a zone cut is neither glue nor ever answered',
  E_ZONE_GLUE: 'a name server inside the zone has no address',
  E_ZONE_TARGET: 'a name server, mail or service target cannot work',
  E_ZONE_ALIAS: 'a chain of CNAMEs never ends, or is longer than an answer',
  E_ZONE_DS: 'a DS record stands where there is no delegation',
  E_ZONE_UNDELEGATED: 'a zone lies below another one here that does not delegate to it',
  E_ZONE_DOT: 'a name holds the origin twice, as if its final dot were missing',
  E_ZONE_VALUE: 'the JSON form of an RRset is malformed',
  // control: operator forms, traffic file, references, the way of a change
  E_FORM_SYNTAX: 'a body or file is not well-formed JSON or YAML',
  E_FORM_TYPE: 'a value is of the wrong type',
  E_FORM_UNKNOWN_KEY: 'a key is not known there',
  E_FORM_MISSING: 'a required value is missing',
  E_FORM_VALUE: 'a value is not one of those allowed, or is malformed',
  E_FORM_RANGE: 'a number, duration or list is outside its bounds',
  E_FORM_DUPLICATE: 'a value is listed twice',
  E_NAME_INVALID: 'the name of a region, monitor or service is malformed or reserved',
  E_PLACE_UNKNOWN: 'a place is not in the table of places',
  E_VIP_INVALID: 'a VIP is not a usable address of its family',
  E_REGION_UNKNOWN: 'a member stands in a region that does not exist',
  E_MONITOR_UNKNOWN: 'a service names a monitor that does not exist',
  E_VANTAGE_UNKNOWN: 'a monitor is checked from where no agent stands',
  E_MEMBER_UNKNOWN: 'a policy names a member that the service does not have',
  E_SERVICE_UNKNOWN: 'a STEER record names a service that does not exist',
  E_POLICY_SHAPE: 'a policy node is not one of the kinds, or is two at once',
  E_POLICY_DEPTH: 'a policy tree is nested too deeply',
  E_POLICY_UNREACHABLE: 'a branch of a policy can never be taken',
  E_POLICY_UNUSED: 'a member, or a share of the clients, is left out by the policy',
  E_IN_USE: 'an object cannot be deleted while others use it',
  E_LIMIT: 'there are more objects of a kind than Meridian takes',
  E_NOT_FOUND: 'there is no such object or revision',
  E_CONFLICT: 'the change contradicts itself or another change',
  E_PRECONDITION: 'the object has changed since it was read',
  E_BUSY: 'too many changes are waiting',
  E_ID_INVALID: 'the id of an object is malformed',
  E_ZONE_SERIAL: 'the SOA serial would move backward',
  E_PUBLISH: 'a stored change could not be handed to the data plane yet',
  E_IMPORT_EMPTY: 'a folder to import holds nothing, or is not there',
  E_EXPORT: 'files could not be written',
  // control: tokens
  E_TOKEN_SCOPE: 'the scopes of an access token are malformed',
  E_TOKEN_WEAK: 'a chosen access token is too short',
  // agents: the probe command, and what its requests are refused for
  E_PROBE_CONTROL: 'the URL of a controller cannot be used by an agent',
  E_PROBE_IDENTITY: 'the key of an agent is missing, damaged or readable by others',
  E_AGENT_CHALLENGE: 'a request does not prove which agent it is of',
  E_AGENT_UNKNOWN: 'an agent is not enrolled',
  E_AGENT_REVOKED: 'an agent was revoked',
  E_AGENT_SIGNATURE: 'the signature of an agent is not right',
  E_AGENT_BOOT: 'an agent has no boot number of this controller',
  E_REPORT_FORM: 'a report cannot be read',
  E_REPORT_PLAN: 'a report is on a plan that is not known',
  E_REPORT_REPLAY: 'a report was sent before',
  // store
  E_STORE_LOCKED: 'another process uses the data directory',
  E_STORE_CORRUPT: 'the database is damaged, missing or not of Meridian',
  E_STORE_VERSION: 'the database was written by a newer Meridian',
  E_STORE_WRITE: 'the database could not be written',
  // cluster
  E_NOT_LEADER: 'another controller makes the changes at the moment, or none does',
  E_NO_BUS: 'the bus of the cluster cannot be reached, so nothing can be changed',
  E_IN_DOUBT: 'the bus did not say whether it has taken a change',
  E_NO_REPLICA: 'no standby controller has confirmed a change yet',
  E_CLUSTER_KEY: 'a key of the cluster is missing, unreadable or of the wrong kind',
  E_BUS_URL: 'the address of the bus cannot be read, or asks for what there is not',
  // api: requests that are refused before the control plane sees them
  E_QUERY: 'a path, query or header parameter is malformed',
  E_CURSOR: 'a page cursor is not one of ours',
  E_UNAUTHORIZED: 'the request carries no valid token',
  E_FORBIDDEN: 'the token may not do this',
  E_TOO_MANY_FAILURES: 'too many requests with wrong tokens from one address',
  E_METHOD: 'the resource does not have this method',
  E_NOT_ACCEPTABLE: 'the resource has none of the accepted media types',
  E_MEDIA_TYPE: 'the body is of a media type that the resource does not take',
  E_TOO_LARGE: 'the request is larger than its limit',
  E_HOST: 'the Host header names somebody else',
  E_HTTP: 'the request is not HTTP that can be read',
  E_STREAMS: 'too many streams of events are open',
  // health and probe
  E_LOAD: 'a load report names no member or holds no load',
  // latency
  E_MEASUREMENT: 'a measurement names no clients, no region, or no round-trip time',
  E_TOO_MANY_SAMPLES: 'more measurements come in than are taken',
  // geo: databases
  E_GEO_FILE: 'a geo database cannot be read',
  E_GEO_NOT_MMDB: 'a geo database is empty, packed, or not in the MMDB format',
  E_GEO_DAMAGED: 'a geo database is truncated or damaged',
  E_GEO_TOO_LARGE: 'a geo database is over the limit',
  E_GEO_LAYOUT:
    'the records of a geo database are of no known layout, or not of the kind asked for',
  E_GEO_SHRUNK: 'a new geo database has lost most of its networks',
  E_GEO_FAMILY: 'a geo database knows one address family only',
  E_GEO_OLD: 'a geo database was built long ago',
  E_GEO_OVERRIDE: "the operator's word on a network is malformed",
  E_GEO_CLASSES: 'a client map would have too many classes',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** One thing wrong with an input: what, where, and what to do about it. */
export interface Problem {
  readonly code: ErrorCode;
  /** A sentence that holds the offending value and, after a semicolon, the remedy. */
  readonly message: string;
  /** `file:line`, a JSON path such as `/services/web/ttl`, or a flag. */
  readonly where?: string;
  /** `warning` does not stop a change; absent means `error`. */
  readonly severity?: 'error' | 'warning';
}

/** An error that the person who caused it can mend; carries all problems found, not only the first. */
export class MeridianError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: Problem | readonly Problem[], options?: ErrorOptions) {
    const all = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(all.map(formatProblem).join('\n'), options);
    this.name = 'MeridianError';
    this.problems = all;
  }

  /** The first problem's code, by which callers decide. */
  get code(): ErrorCode {
    return this.problems[0]?.code ?? 'E_INTERNAL';
  }
}

/** Prints a problem as one line: `where: message (CODE)`. */
export function formatProblem(problem: Problem): string {
  const where = problem.where === undefined ? '' : `${problem.where}: `;
  const warning = problem.severity === 'warning' ? 'warning: ' : '';
  return `${where}${warning}${problem.message} (${problem.code})`;
}

/** True when none of the problems is worse than a warning. */
export function isAcceptable(problems: readonly Problem[]): boolean {
  return problems.every((problem) => problem.severity === 'warning');
}

/** The text of whatever was thrown, for logs and wrapped messages. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
