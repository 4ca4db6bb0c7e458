import { join } from 'node:path';
import { isAcceptable, type Problem } from '../base/errors.ts';
import { MemoryStore } from '../store/memory-store.ts';
import { STEER } from '../wire/types.ts';
import { recordCount } from '../zone/edit-zone.ts';
import { steerService } from '../zone/steer.ts';
import type { RRset, Zone } from '../zone/zone.ts';
import { checkChange } from './check-change.ts';
import { checkDelegations } from './check-delegations.ts';
import { draftChange } from './draft-change.ts';
import { type FolderContent, folderWrites, readFolder, trafficFileName } from './import-folder.ts';
import { editConfiguration, emptyConfiguration } from './load-configuration.ts';

/** A zones folder and all that is wrong with it. */
export interface FolderCheck {
  readonly content: FolderContent;
  /** Those of each file and those of the files together. */
  readonly problems: readonly Problem[];
  readonly counts: {
    readonly zones: number;
    readonly records: number;
    readonly regions: number;
    readonly monitors: number;
    readonly services: number;
    readonly networks: number;
  };
}

/**
 * Checks a zones folder by itself, by the rules that hold when it is applied to an empty node. Never
 * throws. A folder without a traffic file may steer to services that only the node knows: warnings.
 */
export function checkFolder(folder: string): FolderCheck {
  const content = readFolder(folder);
  const { zones, traffic, objects } = content;
  const byOrigin = new Map(zones.map((zone) => [zone.origin, zone]));
  const problems = [
    ...content.problems,
    ...checkDelegations(zones, byOrigin),
    ...checkTogether(content, folder),
  ];
  if (problems.length === 0 && zones.length === 0 && objects.length === 0) {
    const message = `there is no *.zone file and no ${trafficFileName}; name the right folder`;
    problems.push({ code: 'E_IMPORT_EMPTY', message, where: folder });
  }
  return {
    content,
    problems,
    counts: {
      zones: zones.length,
      records: zones.reduce((sum, zone) => sum + recordCount(zone), 0),
      regions: traffic?.regions.size ?? 0,
      monitors: traffic?.monitors.size ?? 0,
      services: traffic?.services.size ?? 0,
      networks: traffic?.networks.length ?? 0,
    },
  };
}

function checkTogether(content: FolderContent, folder: string): readonly Problem[] {
  const steered = content.zones.map(steeredPart);
  const file = join(folder, trafficFileName);
  const ofTraffic = content.problems.filter(({ where }) => where?.startsWith(file));
  if (content.traffic === undefined) {
    return ofTraffic.length > 0 ? [] : steered.flatMap(warnOfServices);
  }
  // A service that is wrong was reported; calling it unknown as well would only distract.
  if (!isAcceptable(ofTraffic)) return [];
  const writes = folderWrites({ ...content, zones: steered }, emptyConfiguration);
  const draft = draftChange(emptyConfiguration, new MemoryStore(), writes);
  if (!isAcceptable(draft.problems)) return draft.problems;
  const next = editConfiguration(emptyConfiguration, draft.edits, 1);
  // The zones have been checked as they were read.
  return checkChange(draft, next, next);
}

/** A zone with nothing but its STEER records, which alone refer to other objects. */
function steeredPart(zone: Zone): Zone {
  const nodes = new Map<string, ReadonlyMap<number, RRset>>();
  for (const owner of zone.nodes.keys()) {
    const steer = steerOf(zone, owner);
    if (steer !== undefined) nodes.set(owner, new Map([[STEER, steer]]));
  }
  return { origin: zone.origin, nodes };
}

function steerOf(zone: Zone, owner: string): RRset | undefined {
  return zone.nodes.get(owner)?.get(STEER);
}

function warnOfServices(zone: Zone): Problem[] {
  const problems = new Map<string, Problem>();
  for (const owner of zone.nodes.keys()) {
    const steer = steerOf(zone, owner);
    const rdata = steer?.rdatas[0];
    if (steer === undefined || rdata === undefined) continue;
    const name = steerService(rdata);
    if (problems.has(name)) continue;
    const message =
      `${owner} is handed to service "${name}", and the folder has no ${trafficFileName}; ` +
      'the node must have that service when this is applied';
    const where = steer.where ?? `zone ${zone.origin}`;
    problems.set(name, { code: 'E_SERVICE_UNKNOWN', message, where, severity: 'warning' });
  }
  return [...problems.values()];
}
