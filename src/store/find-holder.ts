import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * The process that has a data directory, or undefined when none has. Its pid is not known while it
 * opens the store. Changes nothing there.
 */
export function findHolder(folder: string): { readonly pid: number | undefined } | undefined {
  if (!isLocked(join(folder, 'meridian.lock'))) return undefined;
  return { pid: readPid(join(folder, 'meridian.pid')) };
}

/** True while another process has the lock, which is a locked empty database (store/open-database.ts). */
function isLocked(file: string): boolean {
  if (!existsSync(file)) return false;
  let lock: DatabaseSync | undefined;
  try {
    lock = new DatabaseSync(file, { readOnly: true, timeout: 0 });
    lock.prepare('PRAGMA schema_version').get();
    return false;
  } catch (error) {
    return ((error as { errcode?: number }).errcode ?? 0) === 5; // SQLITE_BUSY
  } finally {
    lock?.close();
  }
}

function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8').trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}
