import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { errorText, MeridianError } from '../base/errors.ts';
import { makeFolder } from '../base/make-folder.ts';
import { formatZone } from '../zone/format-zone.ts';
import type { NameKey } from '../zone/zone.ts';
import type { Configuration } from './controller.ts';
import { trafficFileName } from './import-folder.ts';
import { formatTrafficSchema } from './schemas.ts';
import { formatTrafficFile } from './traffic-file.ts';

/** What a folder can hold of a configuration: access tokens are in no file. */
export type FolderConfiguration = Omit<Configuration, 'tokens'>;

/** One file that an export wrote, or found to be right already. */
export interface ExportedFile {
  readonly path: string;
  readonly written: boolean;
}

/** A file of a zones folder. */
export interface FolderFile {
  readonly name: string;
  readonly text: string;
}

/** The JSON Schema that traffic files name, for editors. */
export const trafficSchemaFileName = 'traffic.schema.json';

/**
 * What a configuration is as a zones folder: one master file per zone, `traffic.yaml`, and the schema by
 * which editors check that.
 */
export function folderFiles(configuration: Omit<FolderConfiguration, 'revision'>): FolderFile[] {
  const files = [...configuration.zones.values()].map((zone) => ({
    name: zoneFileName(zone.origin),
    text: formatZone(zone),
  }));
  return [
    ...files,
    { name: trafficFileName, text: formatTrafficFile(configuration.traffic) },
    { name: trafficSchemaFileName, text: formatTrafficSchema() },
  ];
}

/**
 * Writes a configuration as a zones folder, which `importFolder` reads back into the same
 * configuration. Comments and `$INCLUDE`s of files that are replaced are lost; files of zones that are
 * gone are left. Throws `E_EXPORT`.
 */
export function exportFolder(configuration: FolderConfiguration, folder: string): ExportedFile[] {
  return writeFolderFiles(folderFiles(configuration), folder);
}

/**
 * Writes files into a folder, making it. Each is replaced at once (temporary file, fsync, rename); one
 * that is right already is not touched. Throws `E_EXPORT`.
 */
export function writeFolderFiles(files: readonly FolderFile[], folder: string): ExportedFile[] {
  try {
    makeFolder(folder);
    return files.map(({ name, text }) => {
      const path = join(folder, name);
      return { path, written: replaceFile(path, text) };
    });
  } catch (error) {
    const message = `${errorText(error)}; name a folder that this user may write to`;
    throw new MeridianError({ code: 'E_EXPORT', message, where: folder }, { cause: error });
  }
}

/**
 * The name of a zone's master file, which gives its apex when it is read: `example.com.zone`. A slash
 * in a name (RFC 2317) is written `\047`; the root is `@.zone`.
 */
export function zoneFileName(origin: NameKey): string {
  if (origin === '.') return '@.zone';
  return `${origin.slice(0, -1).replaceAll('/', '\\047')}.zone`;
}

function replaceFile(path: string, text: string): boolean {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return false;
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o644);
    try {
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  return true;
}
