import { limits } from '../base/limits.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import { isMetaType } from './meta-types.ts';
import { PackedNodes } from './packed-nodes.ts';
import type { NameKey, RRset, Zone } from './zone.ts';

type Nodes = Zone['nodes'];

/** The names that own one of these types; of packed zones at the cost of those alone. */
export function* nodesOwning(
  nodes: Nodes,
  types: ReadonlySet<number>,
): Generator<[NameKey, ReadonlyMap<number, RRset>], undefined> {
  if (!(nodes instanceof PackedNodes)) {
    for (const [key, node] of nodes) {
      for (const { type } of node.values()) {
        if (!types.has(type)) continue;
        yield [key, node];
        break;
      }
    }
    return;
  }
  if (![...types].some((type) => nodes.types.has(type))) return;
  const { arena } = nodes;
  for (let name = nodes.firstName; name >= 0; name = arena.nextName(name)) {
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      if (!types.has(arena.typeOf(rrset))) continue;
      yield [nodes.keyOf(name), nodes.node(name)];
      break;
    }
  }
}

/**
 * The names that own one of these types, and those that are more than one label below the apex; of
 * zones that are not packed all names.
 */
export function* namesDeepOrOwning(
  nodes: Nodes,
  types: ReadonlySet<number>,
): Generator<[NameKey, ReadonlyMap<number, RRset>], undefined> {
  if (!(nodes instanceof PackedNodes)) {
    yield* nodes;
    return;
  }
  const { arena } = nodes;
  for (let name = nodes.firstName; name >= 0; name = arena.nextName(name)) {
    const from = arena.textAt(name);
    const end = from + arena.textBytes(name);
    let at = from;
    while (at < end && arena.bytes[at] !== DOT) at += 1;
    let isOne = at < end;
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      isOne ||= types.has(arena.typeOf(rrset));
    }
    if (isOne) yield [nodes.keyOf(name), nodes.node(name)];
  }
}

const DOT = 0x2e;

/** Types that say something of what else may stand at their name, or point at another. */
const demandingTypes: ReadonlySet<number> = new Set([
  rrTypes.SOA,
  rrTypes.NS,
  rrTypes.DS,
  rrTypes.CNAME,
  rrTypes.DNAME,
  rrTypes.MX,
  rrTypes.PTR,
  rrTypes.SRV,
  STEER,
]);

/**
 * The names of which something may be wrong by what they are, own and lie below; of packed zones
 * without zone cuts and DNAMEs all are left out that own single short records of undemanding types.
 * `ending` is how the keys of names end that are to be looked at in any case.
 */
export function* namesInDoubt(
  nodes: Nodes,
  ending: string | undefined,
): Generator<[NameKey, ReadonlyMap<number, RRset>], undefined> {
  if (!(nodes instanceof PackedNodes) || isDivided(nodes)) {
    yield* nodes;
    return;
  }
  const demanding = new Set([...nodes.types].filter((type) => isDemanding(type)));
  const end = Buffer.from(ending ?? '', 'latin1');
  const { arena } = nodes;
  for (let name = nodes.firstName; name >= 0; name = arena.nextName(name)) {
    let inDoubt = ending !== undefined && nodes.endsWith(name, end);
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      const rdata = arena.firstRdata(rrset);
      const ttl = arena.ttlOf(rrset);
      inDoubt ||= demanding.size > 0 && demanding.has(arena.typeOf(rrset));
      inDoubt ||= ttl < 0 || ttl > limits.ttlSeconds;
      inDoubt ||= arena.nextRdata(rdata) >= 0 || arena.rdataBytes(rdata) > limits.messageBytes / 4;
    }
    if (inDoubt) yield [nodes.keyOf(name), nodes.node(name)];
  }
}

/** Whether some names may lie below a zone cut or a DNAME. */
function isDivided({ arena, firstName, types }: PackedNodes): boolean {
  if (types.has(rrTypes.DNAME)) return true;
  if (!types.has(rrTypes.NS)) return false;
  for (let name = firstName; name >= 0; name = arena.nextName(name)) {
    if (arena.textBytes(name) === 0) continue; // the apex
    for (let rrset = arena.firstRRset(name); rrset >= 0; rrset = arena.nextRRset(rrset)) {
      if (arena.typeOf(rrset) === rrTypes.NS) return true;
    }
  }
  return false;
}

function isDemanding(type: number): boolean {
  return demandingTypes.has(type) || isMetaType(type);
}
