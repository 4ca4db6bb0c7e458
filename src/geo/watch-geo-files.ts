import { stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { errorText, formatProblem, MeridianError, type Problem } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { FileLayer } from './geo-layer.ts';
import { combineSources, type GeoSources } from './geo-sources.ts';
import { geoFileError, signatureOf } from './mmdb-file.ts';
import { openGeoFile } from './open-geo-file.ts';
import type { NetworkFacts } from './overrides.ts';

/** A new file with fewer networks than this share of the old one's is taken for a mistake. */
const leastShareOfNetworks = 0.5;

/** What {@link watchGeoFiles} needs. */
export interface GeoWatchOptions {
  /** What serves now; its files are watched. */
  readonly sources: GeoSources;
  /** The operator's networks at the moment of a reload. */
  overrides(): readonly NetworkFacts[];
  /** Called with the sources that hold the new files, after every check has passed. */
  onReload(sources: GeoSources): void;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds between two looks at the files. Default 10,000. */
  readonly intervalMs?: number;
}

/** A watch over database files. */
export interface GeoWatch {
  /** Looks at the files now; resolves when whatever changed has been taken or refused. */
  check(): Promise<void>;
  /**
   * Reads every file again, changed or not, and takes it even if most networks are gone.
   * @throws MeridianError with the problems of all files; what served keeps serving.
   */
  reload(options?: { readonly force?: boolean }): Promise<void>;
  close(): void;
}

/** One watched file: the signature that was last taken or refused, and one that waits to settle. */
interface WatchedFile {
  layer: FileLayer;
  seen: string;
  settling: string | undefined;
}

/**
 * Watches database files by modification time, size and inode, and replaces what serves once a new
 * file has been read completely (invariant 3). A file must look the same twice in a row, so that half
 * a copy is not read. A bad file is reported once and the old data keeps serving.
 */
export function watchGeoFiles(options: GeoWatchOptions): GeoWatch {
  const { clock, log, intervalMs = 10_000 } = options;
  const files: WatchedFile[] = options.sources.files.map((layer) => ({
    layer,
    seen: layer.signature,
    settling: undefined,
  }));
  let closed = false;
  let cancelTimer = () => {};
  // Looks and reloads run one after another.
  let queue: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work);
    queue = result.catch(() => {});
    return result;
  };

  const publish = () => {
    if (closed) return;
    const layers = files.map(({ layer }) => layer);
    options.onReload(combineSources(layers, options.overrides()));
  };

  const refuse = (error: unknown) => {
    const problems = error instanceof MeridianError ? error.problems : undefined;
    const text = problems?.map(formatProblem).join('; ') ?? errorText(error);
    log.warn({ problems }, `geo database not taken, the old one keeps serving: ${text}`);
  };

  const look = async (): Promise<void> => {
    let taken = false;
    for (const file of files) {
      const { source: path, kind } = file.layer;
      const signature = await signatureAt(path);
      if (signature === file.seen) {
        file.settling = undefined;
        continue;
      }
      if (signature !== file.settling) {
        file.settling = signature;
        continue;
      }
      file.seen = signature;
      file.settling = undefined;
      try {
        const next = await openGeoFile(kind, path);
        checkShrinkage(file.layer, next);
        logTaken(log, file.layer, next);
        file.layer = next;
        file.seen = next.signature;
        taken = true;
      } catch (error) {
        refuse(error);
      }
    }
    if (!taken) return;
    try {
      publish();
    } catch (error) {
      refuse(error);
    }
  };

  const schedule = () => {
    cancelTimer = clock.setTimer(intervalMs, () => {
      inTurn(look)
        .catch(refuse)
        .finally(() => {
          if (!closed) schedule();
        });
    });
  };
  schedule();

  return {
    check: () => inTurn(look),
    reload: ({ force = false } = {}) =>
      inTurn(async () => {
        const layers = await openAll(files, force);
        for (const [index, layer] of layers.entries()) {
          const file = files[index];
          if (file === undefined) continue;
          logTaken(log, file.layer, layer);
          file.layer = layer;
          file.seen = layer.signature;
          file.settling = undefined;
        }
        publish();
      }),
    close() {
      closed = true;
      cancelTimer();
    },
  };
}

async function openAll(files: readonly WatchedFile[], force: boolean): Promise<FileLayer[]> {
  const problems: Problem[] = [];
  const layers: FileLayer[] = [];
  for (const { layer } of files) {
    try {
      const next = await openGeoFile(layer.kind, layer.source);
      if (!force) checkShrinkage(layer, next);
      layers.push(next);
    } catch (error) {
      if (!(error instanceof MeridianError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return layers;
}

/** Throws E_GEO_SHRUNK where a family has lost most of its networks. */
function checkShrinkage(before: FileLayer, after: FileLayer): void {
  for (const [family, had, has] of [
    ['IPv4', before.networks4, after.networks4],
    ['IPv6', before.networks6, after.networks6],
  ] as const) {
    if (has >= had * leastShareOfNetworks) continue;
    const message =
      `the new database has ${has} ${family} networks where the old one had ${had}; ` +
      'fetch it again, or restart the node if this is meant';
    throw geoFileError('E_GEO_SHRUNK', after.source, message);
  }
}

function logTaken(log: Log, before: FileLayer, after: FileLayer): void {
  const { source, kind, databaseType, networks4, networks6 } = after;
  const built = new Date(after.builtEpochMs).toISOString();
  log.info({ source, kind, databaseType, built, networks4, networks6 }, 'geo database reloaded');
  if (after.builtEpochMs < before.builtEpochMs) {
    log.warn({ source, built }, 'the new geo database is older than the one that it replaces');
  }
}

/** The signature of a file; one that cannot be looked at has a signature as well. */
async function signatureAt(path: string): Promise<string> {
  try {
    return signatureOf(await stat(path));
  } catch (error) {
    return `missing ${(error as NodeJS.ErrnoException).code}`;
  }
}
