import { errorText } from '../../base/errors.ts';
import { isAtOrBelow } from '../../wire/names.ts';
import type { DnsAnswer } from './ask-dns.ts';
import { type Finding, findingsOf } from './finding.ts';
import {
  type DelegationParts,
  dataOf,
  findParentView,
  type ParentView,
  resolveAddresses,
} from './parent-view.ts';

/** One name server at one address, and what it says. */
interface ServerView {
  readonly name: string;
  readonly address: string;
  readonly serial: string;
  /** The apex NS that it serves. */
  readonly servers: readonly string[];
}

const { ok, warn, fail } = findingsOf('delegation');

/**
 * Checks the delegation of a domain from the parent down: glue (RFC 9471), that every name server
 * answers with authority over UDP and TCP (RFC 1912 §2.8, RFC 7766), that all have the same serial, and
 * that parent and zone name the same servers. `domain` is absolute and lower case.
 */
export async function checkDelegation(domain: string, parts: DelegationParts): Promise<Finding[]> {
  const view = await findParentView(domain, parts);
  if (typeof view === 'string') {
    const remedy = `enter the NS records of ${domain} (and glue) at the parent: usually your registrar`;
    return [fail(`${domain} is not delegated: ${view}`, remedy)];
  }
  const findings = [ok(`${view.from} delegates ${domain} to ${view.servers.join(' ')}`)];
  const served: ServerView[] = [];
  for (const name of view.servers) {
    const addresses = await addressesOf(name, domain, view, parts, findings);
    for (const address of addresses) {
      const server = await checkServer(domain, name, address, parts, findings);
      if (server !== undefined) served.push(server);
    }
  }
  const places = new Set(served.map(({ address }) => address));
  if (places.size === 1) {
    const text = `${domain} is served from one address only`;
    findings.push(warn(text, 'run a second node elsewhere (RFC 2182 §3.1)'));
  }
  if (served.length > 0) {
    findings.push(compareServers(domain, view, served), compareSerials(served));
    findings.push(...(await compareGlue(domain, view, served, parts)));
  }
  return findings;
}

async function addressesOf(
  name: string,
  domain: string,
  view: ParentView,
  parts: DelegationParts,
  findings: Finding[],
): Promise<readonly string[]> {
  const glue = view.glue.get(name);
  if (glue !== undefined) return glue;
  if (isAtOrBelow(name, domain)) {
    const text = `${name} lies in ${domain}, and the parent gives no glue for it; nobody can find it`;
    findings.push(fail(text, `enter the addresses of ${name} at the parent`));
    return [];
  }
  const addresses = await resolveAddresses(name, parts);
  if (addresses.length === 0) {
    findings.push(
      fail(`${name} has no address`, 'add an A or AAAA record for it, or correct the NS'),
    );
  }
  return addresses;
}

async function checkServer(
  domain: string,
  name: string,
  address: string,
  parts: DelegationParts,
  findings: Finding[],
): Promise<ServerView | undefined> {
  const server = { host: address, port: parts.port };
  const shown = `${name} (${address})`;
  const ask = (type: 'SOA' | 'NS', transport: 'udp' | 'tcp') =>
    parts.ask({ server, name: domain, type, transport, recurse: false });
  let soa: DnsAnswer;
  let ns: DnsAnswer;
  try {
    soa = await ask('SOA', 'udp');
    ns = await ask('NS', 'udp');
  } catch (error) {
    findings.push(silent(shown, address, error));
    return undefined;
  }
  const [serial] = dataOf(soa.answers, 'SOA', domain);
  if (soa.rcode !== 0 || !soa.authoritative || serial === undefined) {
    const text = `${shown} is lame: it does not answer for ${domain} with authority (${describe(soa)})`;
    const remedy = 'load the zone there, or remove the server from the delegation';
    findings.push(fail(text, remedy));
    return undefined;
  }
  try {
    const overTcp = await ask('SOA', 'tcp');
    if (overTcp.rcode !== 0 || !overTcp.authoritative) {
      throw new Error(`it answers otherwise than over UDP (${describe(overTcp)})`);
    }
    findings.push(ok(`${shown} answers with authority over UDP and TCP, serial ${serial}`));
  } catch (error) {
    const text = `${shown} does not answer over TCP: ${errorText(error)}`;
    findings.push(
      fail(text, 'open TCP port 53 in the firewall; long answers need it (RFC 7766 §5)'),
    );
  }
  return { name, address, serial, servers: dataOf(ns.answers, 'NS', domain) };
}

/** A machine without IPv6 cannot tell whether the server is there. */
function silent(shown: string, address: string, error: unknown): Finding {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (address.includes(':') && /^(ENETUNREACH|EADDRNOTAVAIL|EHOSTUNREACH)$/.test(code)) {
    const remedy = 'run this where there is IPv6';
    return warn(`${shown} was not checked: this machine has no way to it (${code})`, remedy);
  }
  const remedy = 'start it, open UDP port 53 in the firewall, or correct its address';
  return fail(`${shown} does not answer: ${errorText(error)}`, remedy);
}

function describe({ rcode, authoritative, answers }: DnsAnswer): string {
  const codes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
  const code = codes[rcode] ?? `RCODE ${rcode}`;
  return `${code}, ${authoritative ? 'AA' : 'no AA'}, ${answers.length} answers`;
}

function compareServers(domain: string, view: ParentView, served: readonly ServerView[]): Finding {
  for (const { name, address, servers } of served) {
    const missing = servers.filter((one) => !view.servers.includes(one));
    const extra = view.servers.filter((one) => !servers.includes(one));
    if (missing.length === 0 && extra.length === 0) continue;
    const parts = [
      ...(missing.length > 0 ? [`the parent lacks ${missing.join(' ')}`] : []),
      ...(extra.length > 0 ? [`the zone lacks ${extra.join(' ')}`] : []),
    ];
    return warn(
      `parent and zone (at ${name}, ${address}) name different servers for ${domain}: ${parts.join('; ')}`,
      'make both the same (RFC 1034 §4.2.2)',
    );
  }
  return ok(`parent and zone name the same servers for ${domain}`);
}

function compareSerials(served: readonly ServerView[]): Finding {
  const serials = new Set(served.map(({ serial }) => serial));
  if (serials.size === 1) return ok(`every server that answers has serial ${[...serials][0]}`);
  const list = served.map(({ name, address, serial }) => `${name} (${address}) ${serial}`);
  return warn(
    `the servers have different serials: ${list.join(', ')}`,
    'wait for the change under way; if it stays so, apply the same configuration to all',
  );
}

/** Glue must be among the addresses that the zone itself gives. */
async function compareGlue(
  domain: string,
  view: ParentView,
  served: readonly ServerView[],
  parts: DelegationParts,
): Promise<Finding[]> {
  const [first] = served;
  if (first === undefined) return [];
  const findings: Finding[] = [];
  for (const [name, glue] of view.glue) {
    if (!isAtOrBelow(name, domain)) continue;
    const own: string[] = [];
    for (const type of ['A', 'AAAA'] as const) {
      const server = { host: first.address, port: parts.port };
      const answer = await parts
        .ask({ server, name, type, transport: 'udp', recurse: false })
        .catch(() => undefined);
      own.push(...dataOf(answer?.answers ?? [], type, name));
    }
    const stale = glue.filter((address) => !own.includes(address));
    if (stale.length === 0) continue;
    const text = `the parent's glue for ${name} has ${stale.join(' ')}, the zone ${own.join(' ') || 'no address'}`;
    findings.push(warn(text, 'correct whichever is out of date'));
  }
  return findings;
}
