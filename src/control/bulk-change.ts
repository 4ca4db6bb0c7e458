import type { Problem } from '../base/errors.ts';
import { isAtOrBelow, nameKey } from '../wire/names.ts';
import { zoneOf } from '../zone/edit-zone.ts';
import { rrsetFromJson } from '../zone/rrset-json.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { ObjectKind, ObjectWrite } from './change.ts';
import { at, Findings } from './findings.ts';
import type { Wanted } from './import-folder.ts';
import { canonicalId } from './object-ids.ts';
import { isRecord } from './read-form.ts';

/** One object as it shall be; the body is what a `PUT` of it takes, null takes it away. */
export interface WantedObject {
  readonly kind: ObjectKind;
  readonly id: string;
  /**
   * A zone's may be `{ "rrsets": [{ name, type, ttl, values | steer, where? }] }`: then it shall have
   * exactly these.
   */
  readonly body: unknown;
  /** Where the caller has it from, `file:line`; problems name it. */
  readonly where?: string;
}

/** Reads what shall be; throws nothing, and leaves out what is wrong, which `problems` then hold. */
export function readWanted(
  objects: readonly WantedObject[],
): Wanted & { readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const writes: ObjectWrite[] = [];
  const zones = new Map<NameKey, Zone>();
  for (const [index, { kind, id: rawId, body, where }] of objects.entries()) {
    const path = `/writes/${index}`;
    const findings = new Findings((place) => where ?? place);
    const id = canonicalId(kind, rawId, at(path, 'id'), findings);
    problems.push(...findings.problems);
    if (id === undefined) continue;
    if (kind !== 'zone' || !isRecord(body) || body['rrsets'] === undefined) {
      const text = body === null ? null : JSON.stringify(body);
      writes.push({ kind, id, body: text, ...(where === undefined ? {} : { where }) });
      continue;
    }
    if (zones.has(id)) {
      const message = `zone ${id} is there twice; put all its RRsets into one`;
      problems.push({ code: 'E_FORM_DUPLICATE', message, where: where ?? path });
      continue;
    }
    zones.set(id, readZone(id, body, at(path, 'body'), problems));
  }
  return { zones: [...zones.values()], objects: writes, problems };
}

function readZone(
  origin: NameKey,
  body: Readonly<Record<string, unknown>>,
  path: string,
  problems: Problem[],
): Zone {
  for (const key of Object.keys(body)) {
    if (key === 'rrsets') continue;
    const message = `"${key}" is not known in a zone; it has rrsets alone`;
    problems.push({ code: 'E_FORM_UNKNOWN_KEY', message, where: at(path, key) });
  }
  const listPath = at(path, 'rrsets');
  const list = body['rrsets'];
  if (!Array.isArray(list)) {
    const message = 'rrsets is no list; write [{ "name": "www", "type": "A", … }]';
    problems.push({ code: 'E_FORM_TYPE', message, where: listPath });
    return { origin, nodes: new Map() };
  }
  const seen = new Set<string>();
  const rrsets: [NameKey, RRset][] = [];
  for (const [index, entry] of (list as readonly unknown[]).entries()) {
    const read = readRRset(origin, entry, at(listPath, index), problems);
    if (read === undefined) continue;
    const key = `${read.rrset.type} ${read.owner}`;
    if (seen.has(key)) {
      const message = `${read.owner} has this type twice; put all its values into one entry`;
      const where = read.rrset.where ?? at(listPath, index);
      problems.push({ code: 'E_FORM_DUPLICATE', message, where });
    }
    seen.add(key);
    rrsets.push([read.owner, read.rrset]);
  }
  return zoneOf(origin, rrsets);
}

function readRRset(
  origin: NameKey,
  entry: unknown,
  path: string,
  problems: Problem[],
): { owner: NameKey; rrset: RRset } | undefined {
  if (!isRecord(entry) || typeof entry['name'] !== 'string' || typeof entry['type'] !== 'string') {
    const message = 'an RRset needs a name and a type; write { "name": "www", "type": "A", … }';
    problems.push({ code: 'E_FORM_TYPE', message, where: path });
    return undefined;
  }
  const { name, type, where: from, ...body } = entry;
  const where = typeof from === 'string' ? from : undefined;
  const rrset = rrsetFromJson(origin, name as string, type as string, body);
  if (Array.isArray(rrset)) {
    for (const problem of rrset as readonly Problem[]) {
      problems.push({ ...problem, where: where ?? `${path}${problem.where ?? ''}` });
    }
    return undefined;
  }
  const { owner: written, type: number, ttl, rdatas } = rrset as RRset;
  const owner = nameKey(written);
  if (!isAtOrBelow(owner, origin)) {
    const message = `${written} is not in zone ${origin}; name the zone that holds it`;
    problems.push({ code: 'E_ZONE_OUTSIDE', message, where: where ?? path });
    return undefined;
  }
  const plain = { owner: written, type: number, ttl, rdatas };
  return { owner, rrset: where === undefined ? plain : { ...plain, where } };
}
