import type { Problem } from '../base/errors.ts';
import { readChangeLine } from '../store/chain.ts';
import type { StoredBlock, StoredObject } from '../store/store.ts';
import { editZone, type RRsetEdit, zoneOf } from '../zone/edit-zone.ts';
import { LayeredMap } from '../zone/layered-map.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { ObjectKind } from './change.ts';
import type { Configuration } from './controller.ts';
import { Findings } from './findings.ts';
import { ZoneLoader } from './load-zones.ts';
import { parseRRsetId } from './object-ids.ts';
import { type ObjectValue, readObjectBody } from './read-object.ts';
import { noAgents, noTraffic } from './traffic-form.ts';

/** One object's new value; null takes it away. */
export interface ObjectEdit {
  readonly kind: ObjectKind;
  readonly id: string;
  readonly value: ObjectValue | null;
}

/** A configuration and the revision that last touched each of its zones. */
export interface Loaded {
  readonly configuration: Configuration;
  readonly zoneRevisions: ReadonlyMap<NameKey, number>;
  /** Objects that were left out, and why. */
  readonly problems: readonly Problem[];
}

/** What an empty store holds. */
export const emptyConfiguration: Configuration = {
  revision: 0,
  zones: new Map(),
  traffic: noTraffic,
  tokens: new Map(),
};

/**
 * Builds the configuration that stored objects add up to. An object that this version cannot read is
 * left out with a problem, a zone with such an rrset as a whole; the others are served (invariant 10).
 */
export function loadConfiguration(
  content: Iterable<StoredObject | StoredBlock>,
  revision: number,
): Loaded {
  const zoneRevisions = new Map<NameKey, number>();
  const problems: Problem[] = [];
  const edits: ObjectEdit[] = [];
  const zones = new ZoneLoader();
  const origins = new Set<NameKey>();
  const badZones = new Set<NameKey>();
  const touch = (zone: NameKey, touched: number) => {
    zoneRevisions.set(zone, Math.max(touched, zoneRevisions.get(zone) ?? 0));
  };
  const take = ({ kind, id, body, revision: touched }: StoredObject) => {
    const zone = kind === 'zone' ? id : kind === 'rrset' ? zones.zoneOf(id) : undefined;
    if (zone !== undefined) touch(zone, touched);
    if (kind === 'rrset' && zones.add(id, body)) return;
    const findings = new Findings();
    const value = readObjectBody(kind, id, body, findings)?.value;
    for (const problem of findings.problems) {
      if (problem.severity !== 'warning') problems.push(problem);
    }
    if (value === undefined && zone !== undefined) badZones.add(zone);
    else if (kind === 'zone') {
      origins.add(id);
      zones.begin(id);
    } else if (value !== undefined) edits.push({ kind, id, value });
  };
  for (const part of content) {
    if ('lines' in part) takeBlock(part, zones, touch, take);
    else take(part);
  }
  zones.trim();
  const good = [...origins].filter((origin) => !badZones.has(origin));
  return {
    configuration: {
      ...editConfiguration(emptyConfiguration, edits, revision),
      zones: new Map(good.map((origin) => [origin, zones.finish(origin)])),
    },
    zoneRevisions,
    problems,
  };
}

function takeBlock(
  { lines, revision, replaced }: StoredBlock,
  zones: ZoneLoader,
  touch: (zone: NameKey, revision: number) => void,
  take: (object: StoredObject) => void,
): void {
  zones.addLines(
    lines,
    (line) => replaced.has(line),
    (zone) => touch(zone, revision),
    (line, text) => {
      const object = replaced.get(line);
      if (object === null) return;
      const { kind, id, after } = readChangeLine(text);
      take(object ?? { kind, id, body: after ?? '', revision });
    },
  );
}

/**
 * The next configuration: the edits are made, everything else is shared with the one before, down to
 * the identity of objects, by which compilers see what is new.
 */
export function editConfiguration(
  before: Configuration,
  edits: readonly ObjectEdit[],
  revision: number,
): Configuration {
  const { traffic } = before;
  const agents = editTable(traffic.agents ?? noAgents, edits, 'agent', (value) =>
    value.kind === 'agent' ? value.agent : undefined,
  );
  return {
    revision,
    zones: editZones(before.zones, edits),
    traffic: {
      regions: editTable(traffic.regions, edits, 'region', (value) =>
        value.kind === 'region' ? value.region : undefined,
      ),
      monitors: editTable(traffic.monitors, edits, 'monitor', (value) =>
        value.kind === 'monitor' ? value.monitor : undefined,
      ),
      services: editTable(traffic.services, edits, 'service', (value) =>
        value.kind === 'service' ? value.service : undefined,
      ),
      networks: editNetworks(traffic.networks, edits),
      ...(agents.size === 0 ? {} : { agents }),
    },
    tokens: editTable(before.tokens, edits, 'token', (value) =>
      value.kind === 'token' ? value.token : undefined,
    ),
  };
}

function editTable<T>(
  before: ReadonlyMap<string, T>,
  edits: readonly ObjectEdit[],
  kind: ObjectKind,
  pick: (value: ObjectValue) => T | undefined,
): ReadonlyMap<string, T> {
  const own = edits.filter((edit) => edit.kind === kind);
  if (own.length === 0) return before;
  const after = new Map(before);
  for (const { id, value } of own) {
    const next = value === null ? undefined : pick(value);
    if (next === undefined) after.delete(id);
    else after.set(id, next);
  }
  return after;
}

function editNetworks(
  before: Configuration['traffic']['networks'],
  edits: readonly ObjectEdit[],
): Configuration['traffic']['networks'] {
  const table = new Map(before.map((network) => [network.cidr, network]));
  const after = editTable(table, edits, 'network', (value) =>
    value.kind === 'network' ? value.network : undefined,
  );
  return after === table ? before : [...after.values()];
}

/** The zones that may differ between two configurations, removed ones included. */
export function movedZones(before: Configuration, after: Configuration): Iterable<NameKey> {
  if (before.zones === after.zones) return [];
  const moved = LayeredMap.changedKeys(before.zones, after.zones);
  return moved ?? new Set([...before.zones.keys(), ...after.zones.keys()]);
}

/** Edits each zone once, however many of its rrsets change; costs what is edited (layered-map.ts). */
function editZones(
  before: ReadonlyMap<NameKey, Zone>,
  edits: readonly ObjectEdit[],
): ReadonlyMap<NameKey, Zone> {
  const byZone = new Map<NameKey, RRsetEdit[]>();
  const changes = new Map<NameKey, Zone | undefined>();
  const made = new Map<NameKey, Zone | undefined>();
  for (const { kind, id, value } of edits) {
    if (kind === 'zone') {
      if (value === null) {
        if (before.has(id)) changes.set(id, undefined);
      } else if (!before.has(id)) made.set(id, value.kind === 'zone' ? value.content : undefined);
    } else if (kind === 'rrset') {
      const edit = rrsetEdit(id, value);
      if (edit === undefined) continue;
      const list = byZone.get(edit.zone);
      if (list === undefined) byZone.set(edit.zone, [edit]);
      else list.push(edit);
    }
  }
  for (const [origin, content] of made) {
    if (content !== undefined) {
      changes.set(origin, content);
      continue;
    }
    const rrsets = (byZone.get(origin) ?? []).flatMap(({ owner, rrset }) =>
      rrset === null ? [] : [[owner, rrset] as const],
    );
    changes.set(origin, zoneOf(origin, rrsets));
  }
  for (const [origin, list] of byZone) {
    const zone = before.get(origin);
    if (zone === undefined || changes.has(origin)) continue;
    const edited = editZone(zone, list);
    if (edited !== zone) changes.set(origin, edited);
  }
  if (changes.size === 0) return before;
  if (before.size === 0) return new Map(changes as Map<NameKey, Zone>);
  return LayeredMap.from(before).with(changes);
}

function rrsetEdit(
  id: string,
  value: ObjectValue | null,
): (RRsetEdit & { zone: NameKey; rrset: RRset | null }) | undefined {
  if (value?.kind === 'rrset') {
    const { zone, owner, rrset } = value;
    return { zone, owner, type: rrset.type, rrset };
  }
  const parsed = parseRRsetId(id);
  return parsed === undefined ? undefined : { ...parsed, rrset: null };
}
