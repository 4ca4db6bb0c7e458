import { limits } from '../base/limits.ts';
import { wireNameKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import { answeringNode } from './answering-node.ts';
import { relativeName } from './owner-name.ts';
import { type ProblemSink, quoted } from './problem-list.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

/**
 * Warns of a CNAME that leads back to itself, and of a chain that is longer than the server follows in
 * one answer (RFC 1034 §3.6.2: aliases of aliases are inefficient, loops an error). A chain is followed
 * as far as it stays in the zone.
 */
export function checkAlias(
  zone: Zone,
  key: NameKey,
  node: ReadonlyMap<number, RRset>,
  problems: ProblemSink,
): void {
  const cname = node.get(rrTypes.CNAME);
  if (cname === undefined) return;
  const names = chainFrom(zone, key, cname);
  const last = names.at(-1);
  const path = [key, ...names].map((name) => quoted(relativeName(name, zone.origin)));
  const what = `CNAME at ${path[0]}`;
  if (last === key) {
    const message = `${what} leads back to itself (${path.join(' → ')}); end the loop at a host`;
    problems.warn('E_ZONE_ALIAS', message, cname.where);
  } else if (names.length > limits.cnameChain) {
    const message =
      `${what} begins a chain of over ${limits.cnameChain} CNAMEs, which no answer holds whole; ` +
      'name its end';
    problems.warn('E_ZONE_ALIAS', message, cname.where);
  }
}

/** The targets from one CNAME on, until the chain ends, has come back to `key`, or is too long. */
function chainFrom(zone: Zone, key: NameKey, first: RRset): NameKey[] {
  const names: NameKey[] = [];
  let cname: RRset | undefined = first;
  while (cname !== undefined && names.length <= limits.cnameChain) {
    const [rdata] = cname.rdatas;
    if (rdata === undefined) break;
    const target = wireNameKey(rdata, 0);
    names.push(target);
    if (target === key) break;
    cname = answeringNode(zone, target)?.get(rrTypes.CNAME);
  }
  return names;
}
