import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorText, isAcceptable, MeridianError, type Problem } from '../base/errors.ts';
import type { Traffic } from '../policy/traffic.ts';
import { STEER } from '../wire/types.ts';
import { PackedNodes } from '../zone/packed-nodes.ts';
import { readZoneFolder } from '../zone/read-zone.ts';
import { steerService } from '../zone/steer.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import { nodesOwning } from '../zone/zone-walk.ts';
import type { ApplyResult, ObjectWrite } from './change.ts';
import type { Configuration, Controller } from './controller.ts';
import { isClusterFailure } from './replication.ts';
import { hint } from './suggest.ts';
import { readTrafficFile } from './traffic-file.ts';
import { keepSerial, zoneWrites } from './zone-writes.ts';

/** The traffic file's name in a zones folder. */
export const trafficFileName = 'traffic.yaml';

/** What a zones folder holds. */
export interface FolderContent {
  /** The zones without errors. */
  readonly zones: readonly Zone[];
  /** Undefined when the folder has no traffic file: then nothing is said of traffic. */
  readonly traffic: Traffic | undefined;
  /** The traffic file's objects as writes that know their lines. */
  readonly objects: readonly ObjectWrite[];
  readonly problems: readonly Problem[];
}

/** How a folder is taken over. */
export interface ImportOptions {
  readonly actor: string;
  readonly summary?: string;
  readonly dryRun?: boolean;
  /**
   * Also remove what the folder does not have: whole zones, and, where there is a traffic file, the
   * regions, monitors, services and networks that it leaves out. Agents stay: they enrol themselves.
   * Default false.
   */
  readonly prune?: boolean;
}

/** Reads `*.zone` and `traffic.yaml` of a folder. Never throws: whatever is wrong is a problem. */
export function readFolder(folder: string): FolderContent {
  const { zones, problems } = readZoneFolder(folder);
  const file = join(folder, trafficFileName);
  if (!existsSync(file)) return { zones, traffic: undefined, objects: [], problems };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (error) {
    // Of text that is no UTF-8 the decoder says TypeError.
    const isText = !(error instanceof TypeError);
    const remedy = isText ? 'mend its path or permissions' : 'save it as UTF-8 text';
    const message = `the file cannot be read: ${errorText(error)}; ${remedy}`;
    const code = isText ? 'E_ZONE_FILE' : 'E_FORM_SYNTAX';
    const problem: Problem = { code, message, where: file };
    return { zones, traffic: undefined, objects: [], problems: [...problems, problem] };
  }
  const reading = readTrafficFile(text, file);
  return {
    zones,
    traffic: reading.traffic,
    objects: reading.objects,
    problems: [...problems, ...reading.problems],
  };
}

/**
 * The writes that make the configuration equal to a folder's content:
 *
 * - each zone of the folder gets exactly the RRsets of its file, removals included;
 * - each object of the traffic file is as the file has it;
 * - what the folder does not speak of stays, unless `prune` is set.
 *
 * A file's SOA serial is a floor: where changes since have moved the serial on, it is kept and moved
 * by one, so that files under version control need not follow it.
 */
export function folderWrites(
  content: FolderContent,
  current: Configuration,
  prune = false,
): ObjectWrite[] {
  const traffic = prune && content.traffic !== undefined;
  return wantedWrites(content, current, { zones: prune, traffic });
}

/** What is wanted: whole zones, and single objects. */
export type Wanted = Pick<FolderContent, 'zones' | 'objects'>;

/** What to remove besides, for not being wanted. */
export interface Prune {
  readonly zones: boolean;
  /** Regions, monitors, services and networks. */
  readonly traffic: boolean;
}

/** The writes that make the configuration hold what is wanted; `folderWrites` says the rules. */
export function wantedWrites(wanted: Wanted, current: Configuration, prune: Prune): ObjectWrite[] {
  const zones = wanted.zones.flatMap((zone) => {
    const before = current.zones.get(zone.origin);
    return zoneWrites(before, keepSerial(zone, before));
  });
  // A zone can have a million writes, which no argument list of push() holds.
  return wanted.objects.concat(zones, prunedWrites(wanted, current, prune));
}

/**
 * Makes the configuration equal to a folder, as one revision: the way of `meridian apply`. Any error
 * in any file refuses the whole; throws MeridianError with all of them.
 */
export async function importFolder(
  controller: Controller,
  folder: string,
  options: ImportOptions,
): Promise<ApplyResult> {
  const content = readFolder(folder);
  refuseEmpty(content, folder);
  if (!isAcceptable(content.problems)) throw new MeridianError(content.problems);
  const writes = folderWrites(content, controller.configuration(), options.prune);
  const result = await controller.apply(writes, {
    actor: options.actor,
    summary: options.summary ?? `apply ${folder}`,
    ...(options.dryRun === undefined ? {} : { dryRun: options.dryRun }),
  });
  return { ...result, warnings: distinct([...content.problems, ...result.warnings]) };
}

/**
 * Fills an empty store from a folder at the first start. Unlike `importFolder` it takes whatever is
 * right: a bad zone or service is reported and left out, the others are served. `besides` comes in
 * with the same revision, where all can be one. Returns the revision (0 when nothing could be taken)
 * and every problem.
 */
export async function fillFromFolder(
  controller: Controller,
  folder: string,
  besides: readonly ObjectWrite[] = [],
): Promise<{ revision: number; problems: readonly Problem[] }> {
  const content = readFolder(folder);
  let problems = content.problems;
  if (content.zones.length === 0 && content.objects.length === 0) {
    const nothing = isAcceptable(problems) ? [emptyFolder(folder)] : [];
    return { revision: 0, problems: [...problems, ...nothing] };
  }
  const objects = withoutBrokenServices(content);
  const known = new Set(objects.flatMap(({ kind, id }) => (kind === 'service' ? [id] : [])));
  const zones = content.zones.filter((zone) => {
    const missing = missingServices(zone, known);
    problems = problems.concat(missing);
    return missing.length === 0;
  });
  const news = zones.map(newZone);
  try {
    const result = await controller.apply([...objects, ...news, ...besides], {
      actor: 'files',
      summary: `fill ${folder}`,
    });
    return { revision: result.revision, problems: distinct([...problems, ...result.warnings]) };
  } catch (error) {
    // Where the cluster fails, part by part would leave out what is sound.
    if (!(error instanceof MeridianError) || isClusterFailure(error)) throw error;
    problems = problems.concat(error.problems);
  }
  // Something that only shows when all is together: try part by part, so that the rest is served.
  for (const part of [objects, ...news.map((write) => [write])]) {
    try {
      await controller.apply(part, { actor: 'files', summary: `fill ${folder}` });
    } catch (error) {
      if (!(error instanceof MeridianError)) throw error;
      problems = problems.concat(error.problems);
    }
  }
  return { revision: controller.configuration().revision, problems: distinct(problems) };
}

/** A whole zone as one write. */
function newZone(zone: Zone): ObjectWrite {
  if (zone.nodes instanceof PackedNodes) zone.nodes.forgetOwners();
  return { kind: 'zone', id: zone.origin, body: '{}', content: zone };
}

/** Services whose regions or monitors were left out as wrong cannot stand either. */
function withoutBrokenServices(content: FolderContent): ObjectWrite[] {
  const traffic = content.traffic;
  return content.objects.filter(({ kind, id }) => {
    const service = kind === 'service' ? traffic?.services.get(id) : undefined;
    if (service === undefined) return true;
    const placed = [...service.members.keys()].every((region) => traffic?.regions.has(region));
    return placed && service.monitors.every((monitor) => traffic?.monitors.has(monitor));
  });
}

const steerTypes = new Set([STEER]);

function missingServices(zone: Zone, known: ReadonlySet<string>): Problem[] {
  const problems: Problem[] = [];
  for (const [owner, rrsets] of nodesOwning(zone.nodes, steerTypes)) {
    const steer = rrsets.get(STEER);
    const name = steer?.rdatas[0] && steerService(steer.rdatas[0]);
    if (steer === undefined || name === undefined || known.has(name)) continue;
    const message =
      `${owner} is handed to service "${name}", which does not exist${hint(name, [...known])}; ` +
      'add the service or correct the name (the zone is left out until then)';
    const where = steer.where ?? `zone ${zone.origin}`;
    problems.push({ code: 'E_SERVICE_UNKNOWN', message, where });
  }
  return problems;
}

function prunedWrites(wanted: Wanted, current: Configuration, prune: Prune): ObjectWrite[] {
  const writes: ObjectWrite[] = [];
  const written = new Set(wanted.objects.map(({ kind, id }) => `${kind} ${id}`));
  const kept = new Set<NameKey>(wanted.zones.map((zone) => zone.origin));
  for (const origin of prune.zones ? current.zones.keys() : []) {
    if (kept.has(origin) || written.has(`zone ${origin}`)) continue;
    writes.push({ kind: 'zone', id: origin, body: null });
  }
  if (!prune.traffic) return writes;
  const { services, regions, monitors, networks } = current.traffic;
  const existing = [
    ...[...services.keys()].map((id) => ({ kind: 'service', id }) as const),
    ...[...regions.keys()].map((id) => ({ kind: 'region', id }) as const),
    ...[...monitors.keys()].map((id) => ({ kind: 'monitor', id }) as const),
    ...networks.map(({ cidr }) => ({ kind: 'network', id: cidr }) as const),
  ];
  for (const { kind, id } of existing) {
    if (!written.has(`${kind} ${id}`)) writes.push({ kind, id, body: null });
  }
  return writes;
}

/** An empty folder is a mistyped path far more often than a wish to delete everything. */
function refuseEmpty(content: FolderContent, folder: string): void {
  if (content.zones.length > 0 || content.objects.length > 0) return;
  if (!isAcceptable(content.problems)) return;
  throw new MeridianError([...content.problems, emptyFolder(folder)]);
}

function emptyFolder(folder: string): Problem {
  const message = `there is no *.zone file and no ${trafficFileName} to take; name the right folder`;
  return { code: 'E_IMPORT_EMPTY', message, where: folder };
}

function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Set<string>();
  return problems.filter((problem) => {
    const key = JSON.stringify([problem.code, problem.where, problem.message]);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
