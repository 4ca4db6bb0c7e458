/** Zones and edits of every kind that the checks of a zone let pass, for properties of edited zones. */
import fc from 'fast-check';
import { isAcceptable } from '../../src/base/errors.ts';
import { rrTypes } from '../../src/wire/types.ts';
import { checkZone } from '../../src/zone/check-zone.ts';
import { editZone, type RRsetEdit } from '../../src/zone/edit-zone.ts';
import { rrsetFromJson } from '../../src/zone/rrset-json.ts';
import { nextSerial, soaFields, soaOf, withSerial } from '../../src/zone/serial.ts';
import type { RRset, Zone } from '../../src/zone/zone.ts';

export const origin = 'example.com.';

const label = fc.constantFrom('a', 'b', 'c', '*');
const owner = fc.array(label, { maxLength: 3 }).map((labels) => [...labels, origin].join('.'));
const host = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 });
const target = host.map((labels) => [...labels, origin].join('.'));
const number = fc.integer({ min: 1, max: 9 });

/** An RRset to put: its type and its values. */
const content = fc.oneof(
  { weight: 12, arbitrary: number.map((n) => ['A', [`192.0.2.${n}`]] as const) },
  { weight: 6, arbitrary: number.map((n) => ['TXT', [`"text ${n}"`, '"more"']] as const) },
  { weight: 1, arbitrary: number.map((n) => ['AAAA', [`2001:db8::${n}`]] as const) },
  { weight: 2, arbitrary: target.map((name) => ['MX', [`10 ${name}`]] as const) },
  { weight: 1, arbitrary: target.map((name) => ['SRV', [`1 2 53 ${name}`]] as const) },
  { weight: 3, arbitrary: target.map((name) => ['NS', [name]] as const) },
  { weight: 2, arbitrary: target.map((name) => ['CNAME', [name]] as const) },
  { weight: 1, arbitrary: target.map((name) => ['DNAME', [name]] as const) },
  { weight: 1, arbitrary: number.map((n) => ['DS', [`${n} 13 2 ${'ab'.repeat(32)}`]] as const) },
);

/** A wish: an RRset at a name, or one of its types gone. */
export const wish = fc.record({ owner, content, isRemoval: fc.boolean(), ttl: number });

export type Wish = typeof wish extends fc.Arbitrary<infer Value> ? Value : never;

function rrsetOf(at: string, type: string, ttl: number, values: readonly string[]): RRset {
  const rrset = rrsetFromJson(origin, at, type, { ttl, values });
  if (Array.isArray(rrset)) throw new Error(JSON.stringify(rrset));
  return rrset as RRset;
}

/** A zone with nothing but what it must have. */
export function bareZone(): Zone {
  const soa = rrsetOf(origin, 'SOA', 300, ['ns1 hostmaster 1 7200 900 1209600 60']);
  const edits = [
    soa,
    rrsetOf(origin, 'NS', 300, ['ns1']),
    rrsetOf(`ns1.${origin}`, 'A', 60, ['192.0.2.53']),
  ];
  const empty: Zone = { origin, nodes: new Map() };
  const edited = editZone(
    empty,
    edits.map((rrset) => ({ owner: rrset.owner, type: rrset.type, rrset })),
  );
  // As one layer, which later versions have in common.
  return { origin, nodes: new Map(edited.nodes) };
}

/** The next version with these wishes and the next serial; the same one where it would be wrong. */
export function wished(zone: Zone, wishes: readonly Wish[]): Zone {
  const next = withWishes(zone, wishes);
  return isAcceptable(checkZone(next)) ? next : zone;
}

/** The next version with these wishes and the next serial, right or wrong. */
export function withWishes(zone: Zone, wishes: readonly Wish[]): Zone {
  const edits: RRsetEdit[] = wishes.map(
    ({ owner: at, content: [type, values], isRemoval, ttl }) => {
      const rrset = rrsetOf(at, type, ttl, values);
      const stays = zone.nodes.get(at)?.has(rrset.type) !== true || !isRemoval;
      return { owner: at, type: rrset.type, rrset: stays ? rrset : null };
    },
  );
  const soa = soaOf(zone);
  const serial = soa === undefined ? 0 : soaFields(soa).serial;
  const moved = soaOf(withSerial(zone, nextSerial(serial)));
  if (moved !== undefined) edits.push({ owner: origin, type: rrTypes.SOA, rrset: moved });
  return editZone(zone, edits);
}
