import {
  accessSync,
  constants,
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { errorText, MeridianError } from '../../base/errors.ts';
import { findHolder } from '../../store/find-holder.ts';
import { openSqliteStore } from '../../store/sqlite-store.ts';
import { type Finding, findingsOf } from './finding.ts';

const leastFreeBytes = 256 * 1024 * 1024;

/** What was found in a data directory. */
export interface DataFolderCheck {
  readonly findings: readonly Finding[];
  /** The process that serves from it. */
  readonly pid?: number;
  /** When the newest revision was made, milliseconds since 1970. */
  readonly revisionMs?: number;
}

/**
 * Looks at a data directory without changing anything in it: may this user write there, is there room,
 * is the database whole and its chain of hashes unbroken. The chain is verified on a copy, and not at
 * all while a node has the directory.
 */
export function checkDataFolder(folder: string): DataFolderCheck {
  const { ok, warn } = findingsOf('data');
  const findings: Finding[] = [];
  const where = nearestFolder(resolve(folder));
  findings.push(writable(folder, where));
  const room = freeBytes(where);
  if (room !== undefined && room < leastFreeBytes) {
    findings.push(warn(`${Math.floor(room / 1024 ** 2)} MiB are free at ${folder}`, 'make room'));
  }
  const file = join(folder, 'meridian.db');
  if (!existsSync(file)) {
    findings.push(ok('there is no database yet; the first start makes one'));
    return { findings };
  }
  findings.push(...tokenFindings(join(folder, 'admin.token')));
  const holder = findHolder(folder);
  if (holder !== undefined) {
    const { pid } = holder;
    const text = `a Meridian (pid ${pid ?? 'unknown'}) serves from ${folder}; its database is not looked into meanwhile`;
    findings.push(findingsOf('store').ok(text));
    return { findings, ...(pid === undefined ? {} : { pid }) };
  }
  const { finding, revisionMs } = verifyCopy(file);
  findings.push(finding);
  return { findings, ...(revisionMs === undefined ? {} : { revisionMs }) };
}

function nearestFolder(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestFolder(dirname(folder));
}

function writable(folder: string, where: string): Finding {
  const { ok, fail } = findingsOf('data');
  const made = where === resolve(folder) ? '' : ' (the first start makes it)';
  const remedy =
    'make it one, give it to the user that runs Meridian, or choose another with --data';
  try {
    if (!statSync(where).isDirectory()) return fail(`${where} is no folder`, remedy);
    accessSync(where, constants.R_OK | constants.W_OK | constants.X_OK);
    return ok(`${folder} may be written to${made}`);
  } catch (error) {
    return fail(`${folder} may not be written to: ${errorText(error)}`, remedy);
  }
}

function freeBytes(folder: string): number | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function tokenFindings(file: string): Finding[] {
  const { warn } = findingsOf('data');
  try {
    if ((statSync(file).mode & 0o077) === 0) return [];
    return [warn(`other users may read ${file}, which holds the admin token`, `chmod 600 ${file}`)];
  } catch {
    return [];
  }
}

function verifyCopy(file: string): { finding: Finding; revisionMs?: number } {
  const { ok, fail } = findingsOf('store');
  const remedy =
    'put a backup of the data folder in its place, or move it away and start anew from the zones folder';
  const copy = mkdtempSync(join(tmpdir(), 'meridian-doctor-'));
  try {
    for (const suffix of ['', '-wal']) {
      if (!existsSync(file + suffix)) continue;
      copyFileSync(file + suffix, join(copy, `meridian.db${suffix}`), constants.COPYFILE_FICLONE);
    }
    const store = openSqliteStore(copy);
    try {
      const bad = store.verify();
      const latest = store.latest();
      const revisionMs = Date.parse(store.revision(latest)?.at ?? '');
      const finding =
        bad === undefined
          ? ok(`${file} is whole; the hashes of ${latest} revisions form an unbroken chain`)
          : fail(`the chain of hashes in ${file} is broken at revision ${bad}`, remedy);
      return Number.isNaN(revisionMs) ? { finding } : { finding, revisionMs };
    } finally {
      store.close();
    }
  } catch (error) {
    if (error instanceof MeridianError && error.code === 'E_STORE_VERSION') {
      return { finding: fail(`${file} was written by a newer Meridian`, 'run that version') };
    }
    const text =
      error instanceof MeridianError ? (error.problems[0]?.message ?? '') : errorText(error);
    const what = (text.split('; ')[0] ?? '').replaceAll(copy, dirname(file));
    return { finding: fail(`${file} cannot be read: ${what}`, remedy) };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}
