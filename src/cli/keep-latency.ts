import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Coordinates } from '../geo/client.ts';
import type { LatencyTable } from '../latency/latency-table.ts';
import { decodeSeries, encodeSeries } from '../latency/saved-series.ts';
import { slowHalfLifeMs } from '../latency/sketches.ts';

/** The file in the data directory. */
export const latencyFileName = 'meridian.latency';

/** Nothing worth keeping is left of what is older, milliseconds. */
const maxAgeMs = 10 * slowHalfLifeMs;

export interface KeepLatencyParts {
  readonly folder: string;
  readonly table: Pick<LatencyTable, 'save' | 'restore'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the regions are, by name. */
  regions(): ReadonlyMap<string, { readonly coordinates: Coordinates }>;
  /** What was measured before is there again. */
  onRestored(): void;
}

/**
 * Puts back what was measured before a restart, as far as it is still of this place and time, and then
 * writes down what is, every ten minutes and at the end. A file that is damaged is ignored with a
 * warning: what is missing is measured anew. Returns what ends it.
 */
export function keepLatency(parts: KeepLatencyParts): () => void {
  restore(parts);
  let cancel = () => {};
  const schedule = () => {
    cancel = parts.clock.setTimer(limits.latencySaveMs, () => {
      save(parts);
      schedule();
    });
  };
  schedule();
  return () => {
    cancel();
    save(parts);
  };
}

function restore({ folder, table, clock, log, regions, onRestored }: KeepLatencyParts): void {
  const file = join(folder, latencyFileName);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    const text = errorText(error);
    log.warn({ file, error: text }, `what was measured before cannot be read: ${text}`);
    return;
  }
  const saved = decodeSeries(bytes);
  if (typeof saved === 'string') {
    log.warn({ file }, `what was measured before is ignored: ${file}: ${saved}`);
    return;
  }
  const agoMs = clock.epochMs() - saved.epochMs;
  if (agoMs < 0 || agoMs > maxAgeMs) {
    log.info({ file, agoMs }, 'what was measured before is too old, or of a time to come');
    return;
  }
  const isWhereItWas = (region: string) => {
    const now = regions().get(region)?.coordinates;
    const then = saved.places.get(region);
    return now?.latitude === then?.latitude && now?.longitude === then?.longitude;
  };
  table.restore(
    saved.series.filter(({ region }) => isWhereItWas(region)),
    agoMs,
  );
  onRestored();
}

function save({ folder, table, clock, log, regions }: KeepLatencyParts): void {
  const file = join(folder, latencyFileName);
  const places = new Map([...regions()].map(([name, { coordinates }]) => [name, coordinates]));
  try {
    const series = table.save();
    const bytes = encodeSeries({ epochMs: clock.epochMs(), places, series });
    const descriptor = openSync(`${file}.new`, 'w', 0o600);
    try {
      writeFileSync(descriptor, bytes);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(`${file}.new`, file);
  } catch (error) {
    const text = errorText(error);
    log.warn({ file, error: text }, `what was measured could not be saved: ${text}`);
  }
}
