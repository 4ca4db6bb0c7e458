import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { errorText, type Problem } from '../base/errors.ts';
import { rrTypes } from '../wire/types.ts';
import { findProblems, noteFlawless } from './check-zone.ts';
import { openIncludesIn, readMasterFile, toOctetText } from './master-files.ts';
import { parseOrigin } from './owner-name.ts';
import { ProblemList, printable, quoted } from './problem-list.ts';
import { EntryReader, type OpenInclude } from './read-entries.ts';
import { ArenaPool } from './record-arena.ts';
import { soaFields } from './serial.ts';
import type { NameKey, Zone, ZoneReading } from './zone.ts';
import { ZoneBuilder } from './zone-builder.ts';

export interface ReadZoneOptions {
  /** The zone's apex, and what relative names are completed with at first. */
  readonly origin: string;
  /** What problems show as the file. */
  readonly file: string;
  /**
   * Gives the text of an `$INCLUDE`d file, or why it may not be had. Paths are relative to the
   * folder of `file` (or absolute, as written) and never hold `..`. Absent: nothing may be included.
   */
  readonly readInclude?: (path: string) => string | Problem;
}

/** What a folder of master files holds. */
export interface FolderReading {
  /** The zones without errors. */
  readonly zones: Zone[];
  /** Errors and warnings of all files. */
  readonly problems: Problem[];
}

const fileSuffix = '.zone';

/**
 * Reads a zone from master-file text (RFC 1035 §5, RFC 2308 §4, RFC 3597 §5) and checks what its
 * records say together. All problems are reported; the zone is there when none is an error.
 */
export function readZoneText(text: string, options: ReadZoneOptions): ZoneReading {
  const { readInclude } = options;
  const openInclude: OpenInclude = (path) => {
    if (readInclude !== undefined) {
      const included = readInclude(path);
      return typeof included === 'string' ? toOctetText(included) : included;
    }
    const message = `${quoted(path)} cannot be included here; put its records into this text`;
    return { code: 'E_ZONE_INCLUDE', message };
  };
  return readOctets(toOctetText(text), options.origin, options.file, openInclude);
}

/**
 * Reads one master file. Without `origin` its name gives the apex: `example.com.zone`. It may
 * include files of its own folder and below, symbolic links resolved. Zones that are read together
 * share a pool.
 */
export function readZoneFile(path: string, origin?: string, pool = new ArenaPool()): ZoneReading {
  const file = printable(path);
  const text = readMasterFile(path);
  if (typeof text !== 'string') return { problems: [{ ...text, where: file }] };
  const apex = origin ?? basename(path).replace(/\.zone$/i, '');
  return readOctets(text, apex, file, openIncludesIn(dirname(path)), pool);
}

/**
 * Reads every `*.zone` of a folder. A file with errors gives problems and no zone; the others are
 * not touched by it. Files whose names begin with a dot are left alone.
 */
export function readZoneFolder(folder: string): FolderReading {
  const zones = new Map<NameKey, string>();
  const pool = new ArenaPool();
  const reading: FolderReading = { zones: [], problems: [] };
  let names: string[];
  try {
    names = readdirSync(folder).sort();
  } catch (error) {
    const message = `the folder cannot be read: ${errorText(error)}; name one that can`;
    reading.problems.push({ code: 'E_ZONE_FILE', message, where: printable(folder) });
    return reading;
  }
  for (const name of names) {
    if (!name.endsWith(fileSuffix) || name.startsWith('.')) continue;
    const file = join(folder, name);
    const { zone, problems } = readZoneFile(file, undefined, pool);
    for (const problem of problems) reading.problems.push(problem);
    if (zone === undefined) continue;
    const first = zones.get(zone.origin);
    if (first === undefined) {
      zones.set(zone.origin, file);
      reading.zones.push(zone);
    } else {
      const message = `${zone.origin} is already in ${printable(first)}; remove one file`;
      reading.problems.push({ code: 'E_ZONE_TWICE', message, where: printable(file) });
    }
  }
  pool.trim();
  return reading;
}

/** The steps of every reading; `text` holds one character per octet. */
function readOctets(
  text: string,
  originText: string,
  file: string,
  openInclude: OpenInclude,
  pool = new ArenaPool(),
): ZoneReading {
  const origin = parseOrigin(originText, '.', '.');
  if ('code' in origin) {
    const message = `${quoted(originText)} is no zone name: ${origin.message}`;
    return { problems: [{ code: origin.code, message, where: file }] };
  }
  const problems = new ProblemList(file);
  const builder = new ZoneBuilder(origin.key, problems, pool.arena());
  const reader = new EntryReader(origin, file, { builder, problems, openInclude });
  reader.read(text);
  const soa = builder.rrset(origin.key, rrTypes.SOA);
  const zone = builder.finish(soa && soaFields(soa).minimum);
  const mayBeMissing = (type: number) => reader.lostEntries || reader.typesInError.has(type);
  findProblems(zone, problems, { file, mayBeMissing });
  const list = problems.list();
  if (problems.errors > 0) return { problems: list };
  if (list.length === 0) noteFlawless(zone);
  return { zone, problems: list };
}
