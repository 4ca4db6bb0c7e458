import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What has become of the restart that was asked for last. */
export type RestartProgress =
  | { readonly state: 'under-way'; readonly pid: number }
  /** `successor` serves. */
  | { readonly state: 'done'; readonly pid: number; readonly successor: number }
  /** The process goes on serving. */
  | { readonly state: 'failed'; readonly pid: number; readonly reason: string };

/** The file in the data directory by which whoever asked for a restart hears of it. */
export const progressFileName = 'meridian.restart';

export function writeProgress(folder: string, progress: RestartProgress): void {
  const file = join(folder, progressFileName);
  writeFileSync(`${file}.new`, `${JSON.stringify(progress)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Undefined when no restart was asked for since `clearProgress`. */
export function readProgress(folder: string): RestartProgress | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, progressFileName), 'utf8')) as RestartProgress;
  } catch {
    return undefined;
  }
}

export function clearProgress(folder: string): void {
  rmSync(join(folder, progressFileName), { force: true });
}
