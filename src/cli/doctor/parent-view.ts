import { errorText } from '../../base/errors.ts';
import { isAtOrBelow, parentKey } from '../../wire/names.ts';
import type { Endpoint } from '../flags.ts';
import type { AskDns, AskedType, DnsAnswer, DnsRecord } from './ask-dns.ts';

/** What doctor asks with. */
export interface DelegationParts {
  readonly ask: AskDns;
  /** A resolver, or a name server of the parent zone. */
  readonly resolver: Endpoint;
  /** Where name servers answer; 53 but in tests. */
  readonly port: number;
}

/** A delegation as the parent zone gives it. */
export interface ParentView {
  /** Which server said so. */
  readonly from: string;
  /** Names of name servers, sorted. */
  readonly servers: readonly string[];
  /** Name server → addresses that came along. */
  readonly glue: ReadonlyMap<string, readonly string[]>;
}

/**
 * Finds the delegation of a domain: in a referral of the given server, where that is one of the
 * parent's own, else by asking the parent's name servers, which the resolver finds. A text says why
 * there is none.
 */
export async function findParentView(
  domain: string,
  parts: DelegationParts,
): Promise<ParentView | string> {
  const { host, port } = parts.resolver;
  let first: DnsAnswer;
  try {
    const question = { server: parts.resolver, name: domain, type: 'NS' } as const;
    first = await parts.ask({ ...question, transport: 'udp', recurse: true });
  } catch (error) {
    return `${host} port ${port} does not answer: ${errorText(error)}`;
  }
  const referral = referralOf(first, domain, `${host} port ${port}`);
  if (referral !== undefined) return referral;
  if (first.rcode === 3) return `${host} port ${port} says that ${domain} does not exist`;
  const parent = await findParent(domain, parts);
  if (parent === undefined) return `no zone above ${domain} was found through ${host} port ${port}`;
  const failures: string[] = [];
  for (const server of parent.servers) {
    for (const address of await resolveAddresses(server, parts)) {
      const name = `${server} (${address})`;
      try {
        const answer = await parts.ask({
          server: { host: address, port: parts.port },
          name: domain,
          type: 'NS',
          transport: 'udp',
          recurse: false,
        });
        const view = referralOf(answer, domain, name) ?? ownAnswerOf(answer, domain, name);
        if (view !== undefined) return view;
        failures.push(`${name} has no delegation of ${domain}`);
        // Its servers are copies of each other: one denial is enough.
        if (answer.authoritative) return failures.join('; ');
      } catch (error) {
        failures.push(`${name}: ${errorText(error)}`);
      }
    }
  }
  return failures.length > 0
    ? failures.join('; ')
    : `the name servers of ${parent.zone} have no address`;
}

/** Every address of a host that the resolver knows. */
export async function resolveAddresses(name: string, parts: DelegationParts): Promise<string[]> {
  const found: string[] = [];
  for (const type of ['A', 'AAAA'] as const) {
    const answer = await parts
      .ask({ server: parts.resolver, name, type, transport: 'udp', recurse: true })
      .catch(() => undefined);
    found.push(...dataOf(answer?.answers ?? [], type));
  }
  return found;
}

/** The data of all records of a type, of one name if given; sorted, each once. */
export function dataOf(records: readonly DnsRecord[], type: AskedType, name?: string): string[] {
  const all = records
    .filter((record) => record.type === type && (name === undefined || record.name === name))
    .map(({ data }) => data);
  return [...new Set(all)].sort();
}

/** RFC 1034 §4.3.2, step 3b: NS of the domain in the authority section, no answer, no AA. */
function referralOf(answer: DnsAnswer, domain: string, from: string): ParentView | undefined {
  const servers = dataOf(answer.authorities, 'NS', domain);
  if (servers.length === 0 || answer.answers.length > 0) return undefined;
  return viewOf(answer, servers, from);
}

/** A server of parent and child at once answers for the child. */
function ownAnswerOf(answer: DnsAnswer, domain: string, from: string): ParentView | undefined {
  const servers = dataOf(answer.answers, 'NS', domain);
  if (servers.length === 0 || !answer.authoritative) return undefined;
  return viewOf(answer, servers, from);
}

function viewOf(answer: DnsAnswer, servers: readonly string[], from: string): ParentView {
  const glue = new Map<string, readonly string[]>();
  for (const server of servers) {
    const addresses = (['A', 'AAAA'] as const).flatMap((type) =>
      dataOf(answer.additionals, type, server),
    );
    if (addresses.length > 0) glue.set(server, addresses);
  }
  return { from, servers, glue };
}

async function findParent(
  domain: string,
  parts: DelegationParts,
): Promise<{ zone: string; servers: readonly string[] } | undefined> {
  for (let zone = parentKey(domain); zone !== undefined; zone = parentKey(zone)) {
    if (!isAtOrBelow(domain, zone)) return undefined;
    const answer = await parts
      .ask({ server: parts.resolver, name: zone, type: 'NS', transport: 'udp', recurse: true })
      .catch(() => undefined);
    const servers = dataOf(answer?.answers ?? [], 'NS', zone);
    if (servers.length > 0) return { zone, servers };
  }
  return undefined;
}
