import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { isAcceptable, MeridianError, type Problem } from '../base/errors.ts';
import type { ObjectWrite } from '../control/change.ts';
import type { Configuration } from '../control/controller.ts';
import {
  type ExportedFile,
  type FolderConfiguration,
  type FolderFile,
  folderFiles,
  trafficSchemaFileName,
  writeFolderFiles,
  zoneFileName,
} from '../control/export-folder.ts';
import { Findings } from '../control/findings.ts';
import { trafficFileName } from '../control/import-folder.ts';
import { readTrafficFile, trafficWrites } from '../control/traffic-file.ts';
import { parseTraffic, trafficTables } from '../control/traffic-form.ts';
import { keepSerial } from '../control/zone-writes.ts';
import type { Traffic } from '../policy/traffic.ts';
import { nameKey } from '../wire/names.ts';
import { diffZones } from '../zone/diff-zone.ts';
import { readZoneFile, readZoneText } from '../zone/read-zone.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import { type ApiClient, type ApiFlags, addApiFlags, openApi } from './api-client.ts';
import { printJson, withJsonErrors } from './output.ts';
import type { Terminal } from './program.ts';
import { clean, counted, styleOf } from './style.ts';

interface ExportFlags extends ApiFlags {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Times that the configuration is read again when it changed meanwhile. */
const maxReadings = 5;

const examples = `
Examples:
  $ meridian export backup/            zones and traffic of the node on this machine
  $ meridian export zones --force      also replace files that say something else

Writes one master file per zone and traffic.yaml, each at once, all of one revision. A file that says the
same already is left as it is, comments and all; one that says something else is replaced only with
--force. \`meridian apply\` of what was exported changes nothing.`;

/** Adds `meridian export`. */
export function registerExport(program: Command, terminal: Terminal): void {
  const command = program
    .command('export')
    .description('Write the configuration of a running node as a zones folder')
    .argument('<dir>', 'folder to write to; made where it does not exist')
    .option('--force', 'replace files that say something else');
  addApiFlags(command)
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action((folder: string, flags: ExportFlags) =>
      withJsonErrors(terminal, flags.json, () => exportTo(folder, flags, terminal)),
    );
}

async function exportTo(folder: string, flags: ExportFlags, terminal: Terminal): Promise<void> {
  const configuration = await readConfiguration(openApi(flags, terminal));
  const { toWrite, same } = chooseFiles(configuration, folder, flags.force === true);
  const files = [
    ...writeFolderFiles(toWrite, folder),
    ...same.map((name): ExportedFile => ({ path: join(folder, name), written: false })),
  ];
  const strangers = strangeZones(configuration, folder);
  if (flags.json === true) {
    printJson(terminal, { revision: configuration.revision, files, unknownZoneFiles: strangers });
    return;
  }
  const style = styleOf(terminal);
  for (const { path, written } of files) {
    terminal.out(`${written ? style.green('wrote') : style.dim('same ')} ${clean(path)}\n`);
  }
  for (const path of strangers) {
    terminal.out(
      `${style.yellow('note ')} ${clean(path)} is of a zone that the node does not have; \`meridian apply\` would create it\n`,
    );
  }
  const written = files.filter((file) => file.written).length;
  terminal.out(
    `Revision ${configuration.revision}: ${counted(written, 'file')} written, ${files.length - written} the same.\n`,
  );
}

/** Reads the whole configuration of a node, all of one revision. */
export async function readConfiguration(api: ApiClient): Promise<FolderConfiguration> {
  for (let reading = 1; ; reading += 1) {
    const before = await revisionOf(api);
    const zones = await readZones(api);
    const traffic = await readTraffic(api);
    if ((await revisionOf(api)) === before) return { revision: before, zones, traffic };
    if (reading === maxReadings) {
      const message =
        `the configuration of ${api.url} changed during each of ${maxReadings} readings; ` +
        'wait until it rests';
      throw new MeridianError({ code: 'E_CONFLICT', message });
    }
  }
}

async function revisionOf(api: ApiClient): Promise<number> {
  return (await api.get<{ revision: number }>('/v1')).revision;
}

async function readZones(api: ApiClient): Promise<Map<NameKey, Zone>> {
  const zones = new Map<NameKey, Zone>();
  const problems: Problem[] = [];
  for (const { name } of await api.list<{ name: string }>('/v1/zones')) {
    // The name becomes that of a file: it must be a domain name and nothing else.
    const origin = nameKey(name);
    const text = await api.zoneText(origin);
    const reading = readZoneText(text, { origin, file: `zone ${origin}` });
    if (reading.zone === undefined) problems.push(...reading.problems);
    else zones.set(origin, reading.zone);
  }
  if (!isAcceptable(problems)) throw new MeridianError(problems);
  return zones;
}

async function readTraffic(api: ApiClient): Promise<Configuration['traffic']> {
  const form: Record<string, Record<string, unknown>> = {};
  for (const table of trafficTables) {
    const items = await api.list<{ id: string }>(`/v1/${table}`);
    form[table] = Object.fromEntries(items.map(({ id, ...object }) => [id, object]));
  }
  const findings = new Findings();
  const traffic = parseTraffic(form, findings);
  if (!isAcceptable(findings.problems)) throw new MeridianError(findings.problems);
  return traffic;
}

/** What is to be written, and what says the same already; throws `E_EXPORT_EXISTS`. */
function chooseFiles(
  configuration: FolderConfiguration,
  folder: string,
  force: boolean,
): { toWrite: readonly FolderFile[]; same: readonly string[] } {
  const origins = new Map([...configuration.zones.keys()].map((key) => [zoneFileName(key), key]));
  const toWrite: FolderFile[] = [];
  const same: string[] = [];
  const problems: Problem[] = [];
  for (const file of folderFiles(configuration)) {
    const path = join(folder, file.name);
    const zone = configuration.zones.get(origins.get(file.name) ?? '');
    if (file.name === trafficSchemaFileName) {
      // It goes with a traffic file of ours, which names it; nobody writes it by hand.
      const isThere = existsSync(path);
      if (isThere && readFileSync(path, 'utf8') === file.text) same.push(file.name);
      else if (isThere || toWrite.some(({ name }) => name === trafficFileName)) toWrite.push(file);
    } else if (!existsSync(path)) toWrite.push(file);
    else if (zone === undefined ? saysTraffic(path, configuration.traffic) : saysZone(path, zone)) {
      same.push(file.name);
    } else if (force) toWrite.push(file);
    else {
      const message =
        'the file does not say what the node says; apply it first, export to another folder, ' +
        'or replace it with --force';
      problems.push({ code: 'E_EXPORT_EXISTS', message, where: path });
    }
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return { toWrite, same };
}

function saysZone(path: string, zone: Zone): boolean {
  const found = readZoneFile(path).zone;
  // Applying it would keep the node's serial, so a serial that lags behind says nothing else.
  return found !== undefined && diffZones(keepSerial(found, zone), zone).length === 0;
}

function saysTraffic(path: string, wanted: Traffic): boolean {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return false;
  }
  const { objects, problems } = readTrafficFile(text, path);
  return isAcceptable(problems) && sameObjects(objects, trafficWrites(wanted));
}

/** The order of objects means nothing. */
function sameObjects(some: readonly ObjectWrite[], others: readonly ObjectWrite[]): boolean {
  const keys = (writes: readonly ObjectWrite[]) =>
    writes.map(({ kind, id, body }) => `${kind} ${id} ${body}`).sort();
  return JSON.stringify(keys(some)) === JSON.stringify(keys(others));
}

/** Zone files in the folder that are of no zone of the node. */
function strangeZones({ zones }: FolderConfiguration, folder: string): string[] {
  const known = new Set([...zones.keys()].map(zoneFileName));
  return readdirSync(folder)
    .filter((name) => name.endsWith('.zone') && !known.has(name) && name !== trafficFileName)
    .map((name) => join(folder, name));
}
