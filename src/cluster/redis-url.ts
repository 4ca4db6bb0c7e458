import { MeridianError } from '../base/errors.ts';

/** Where a Redis or Valkey is, in one of its three ways of being many. */
export interface BusAddress {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The name that sentinels know the master by; empty otherwise. */
  readonly masterName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly tls: boolean;
}

const kinds: Readonly<Record<string, { kind: BusAddress['kind']; tls: boolean; port: number }>> = {
  redis: { kind: 'single', tls: false, port: 6379 },
  rediss: { kind: 'single', tls: true, port: 6379 },
  sentinel: { kind: 'sentinel', tls: false, port: 26_379 },
  sentinels: { kind: 'sentinel', tls: true, port: 26_379 },
  cluster: { kind: 'cluster', tls: false, port: 6379 },
  clusters: { kind: 'cluster', tls: true, port: 6379 },
};

const form =
  'write redis://host:port, rediss://host:port, sentinel://host:port,…/name or cluster://host:port,… ' +
  '(sentinels:// and clusters:// over TLS)';

/**
 * Reads the addresses of a bus: `redis://` or `rediss://` (one), `sentinel://host:port,…/name`,
 * `cluster://host:port,…` (with a final s for TLS; several add their hosts). A name and password may
 * stand before the host, percent-encoded, or come from elsewhere (`credentials`). Throws MeridianError
 * `E_BUS_URL`, whose message never holds a password.
 */
export function parseBusUrls(
  urls: readonly string[],
  credentials: { readonly username?: string; readonly password?: string } = {},
): BusAddress {
  const parsed = urls.map(parseOne);
  const [first] = parsed;
  if (first === undefined) throw wrong('no address is given', '');
  for (const [index, other] of parsed.entries()) {
    if (index > 0 && other.kind === 'single') throw wrong('one server is named twice', '');
    const same =
      other.kind === first.kind && other.tls === first.tls && other.masterName === first.masterName;
    if (!same) throw wrong('the addresses are of different kinds', '');
  }
  return {
    ...first,
    hosts: parsed.flatMap(({ hosts }) => hosts),
    username: first.username ?? credentials.username,
    password: first.password ?? credentials.password,
  };
}

function parseOne(url: string): BusAddress {
  const match = /^([a-z]+):\/\/(?:([^@/]*)@)?([^/?#@]+)(?:\/([^?#]*))?$/.exec(url);
  const [, scheme = '', login, hostList = '', path = ''] = match ?? [];
  const shown = `${scheme}://${hostList}`;
  const known = kinds[scheme];
  // What stands before an @ is a login, and not to be shown, whatever it was taken for.
  if (match === null || path.includes('@')) {
    const isOddLogin = /@.*@|\/\/[^@]*\/[^@]*@/.test(url);
    const why = isOddLogin ? ': percent-encode @, / and % in a name or password' : '';
    throw wrong(`the address cannot be read${why}`, '');
  }
  if (known === undefined) throw wrong(`the scheme "${scheme}" is not known`, shown);
  const hosts = hostList.split(',').map((host) => parseHost(host, known.port, shown));
  if (known.kind === 'single' && hosts.length > 1) throw wrong('there are several hosts', shown);
  const isSentinel = known.kind === 'sentinel';
  if (isSentinel && path === '') throw wrong('the name of the master is missing', shown);
  const database = isSentinel || path === '' ? 0 : Number(path);
  const inRange = Number.isInteger(database) && database >= 0 && database < 1024;
  if (!inRange || (known.kind === 'cluster' && database !== 0)) {
    throw wrong(`"${path}" is no database of such a server`, shown);
  }
  const [username, password] = parseLogin(login, shown);
  const { kind, tls } = known;
  return { kind, tls, hosts, masterName: isSentinel ? path : '', username, password, database };
}

function parseHost(text: string, defaultPort: number, shown: string) {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) throw wrong(`"${text}" is no host`, shown);
  return { host, port };
}

function parseLogin(login: string | undefined, shown: string): (string | undefined)[] {
  if (login === undefined || login === '') return [];
  const colon = login.indexOf(':');
  try {
    const username = decodeURIComponent(colon < 0 ? login : login.slice(0, colon));
    const password = colon < 0 ? undefined : decodeURIComponent(login.slice(colon + 1));
    return [username === '' ? undefined : username, password];
  } catch {
    throw wrong('the name or password is not percent-encoded', shown);
  }
}

function wrong(what: string, shown: string): MeridianError {
  const message = `${shown}${shown === '' ? '' : ': '}${what}; ${form}`;
  return new MeridianError({ code: 'E_BUS_URL', message, where: '--redis' });
}
