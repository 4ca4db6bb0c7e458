import { wireNameKey } from '../wire/names.ts';
import { additionalNames } from '../wire/rdata/registry.ts';
import { rrTypes, STEER } from '../wire/types.ts';
import type { RRset } from '../zone/zone.ts';
import { typesWithAdditional } from '../zone/zone-links.ts';
import { referralWithDs } from './layout.ts';
import type { DraftedNames, NameDraft } from './zone-names.ts';
import type { TemplateContent, TemplateRecords } from './zone-template.ts';

const addressTypes = [rrTypes.A, rrTypes.AAAA];

/**
 * Types that a name answers from templates, in the order of its directory. Referrals carry DS only in
 * signed zones (RFC 4035 §3.1.4): without a signature it says nothing.
 */
export function answeredTypes(name: NameDraft, isSigned: boolean): number[] {
  if (name.isCut && name.cover === name) {
    if (!name.rrsets.has(rrTypes.DS)) return [rrTypes.NS];
    const asked = [rrTypes.NS, rrTypes.DS];
    return isSigned ? [...asked, referralWithDs] : asked;
  }
  // Below a cut or a DNAME nothing answers for itself (RFC 2181 §6.1, RFC 6672 §2.4).
  if (name.cover !== undefined) return [];
  const types: number[] = [];
  for (const { type } of name.rrsets.values()) if (type !== STEER) types.push(type);
  return types.length > 1 ? types.sort((a, b) => a - b) : types;
}

/** What the answer to a type of `answeredTypes` holds. */
export function answerContent(names: DraftedNames, name: NameDraft, type: number): TemplateContent {
  const isReferral = name.isCut && (type === rrTypes.NS || type === referralWithDs);
  if (isReferral) return referral(names, name, type === referralWithDs);
  const records = recordsOf(name, type);
  const optional = typesWithAdditional.has(type)
    ? targetsOf(names, records).flatMap((target) => (target.cover ? [] : addresses(target)))
    : [];
  return { owner: name.wire, answer: [records], optional };
}

/** The SOA of negative answers; its TTL is the smaller of its own and MINIMUM (RFC 2308 §3, §5). */
export function negativeContent(apex: NameDraft, soa: RRset): TemplateContent {
  const rdata = soa.rdatas[0] ?? new Uint8Array(4);
  const minimum = new DataView(rdata.buffer, rdata.byteOffset).getUint32(rdata.length - 4);
  const records = recordsOf(apex, rrTypes.SOA);
  const ttlSeconds = Math.min(records.ttlSeconds, minimum);
  return { owner: apex.wire, authority: [{ ...records, ttlSeconds }] };
}

function referral(names: DraftedNames, cut: NameDraft, withDs: boolean): TemplateContent {
  const servers = recordsOf(cut, rrTypes.NS);
  const authority = withDs ? [servers, recordsOf(cut, rrTypes.DS)] : [servers];
  const glue: TemplateRecords[] = [];
  const optional: TemplateRecords[] = [];
  for (const target of targetsOf(names, servers)) {
    // In-domain glue lies at or below this cut; the rest of the zone's addresses help where they fit.
    const kind = target.cover === cut ? glue : optional;
    if (target.cover === undefined || target.cover.isCut) kind.push(...addresses(target));
  }
  return { owner: cut.wire, authority, glue, optional };
}

/** The names of this zone that the records point at, each once. */
function targetsOf(names: DraftedNames, records: TemplateRecords): readonly NameDraft[] {
  const targets = new Set<NameDraft>();
  for (const rdata of records.rdatas) {
    for (const target of additionalNames(records.type, rdata)) {
      const draft = names.get(wireNameKey(target));
      if (draft !== undefined) targets.add(draft);
    }
  }
  return [...targets];
}

function addresses(name: NameDraft): TemplateRecords[] {
  // What is steered depends on the client, so it cannot stand in a template.
  if (name.rrsets.has(STEER)) return [];
  return addressTypes.filter((type) => name.rrsets.has(type)).map((type) => recordsOf(name, type));
}

function recordsOf(name: NameDraft, type: number): TemplateRecords {
  const rrset = name.rrsets.get(type);
  return { owner: name.wire, type, ttlSeconds: rrset?.ttl ?? 0, rdatas: rrset?.rdatas ?? [] };
}
