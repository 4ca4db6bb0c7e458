import { systemClock } from '../base/clock.ts';
import { type DataPlane, startDataPlane } from '../server/data-plane.ts';
import type { Store } from '../store/store.ts';
import { noDataPlane } from './no-data-plane.ts';
import type { NodeOptions } from './node-options.ts';
import { SavedImage } from './saved-image.ts';

/** The threads that answer, and the image on disk that they may begin with. */
export interface AnsweringThreads {
  readonly dataPlane: DataPlane;
  readonly saved: SavedImage;
}

type OnClose = (close: () => void | Promise<void>) => void;

/** Starts the threads that answer: on sockets of their own, or on those of the process before. */
export async function startThreads(
  options: NodeOptions,
  onClose: OnClose,
): Promise<AnsweringThreads> {
  const { log } = options;
  const answers = options.dns.length > 0;
  const dataPlane = answers ? await openDataPlane(options) : noDataPlane();
  onClose(() => dataPlane.close());
  const program = `meridian ${options.version} ${process.arch}, image format 3`;
  const clock = systemClock;
  const saved = new SavedImage({ folder: options.data, program, dataPlane, clock, log });
  // There is nothing to start from where nothing is answered.
  if (!answers) await saved.suspend();
  return { dataPlane, saved };
}

function openDataPlane(options: NodeOptions): Promise<DataPlane> {
  const { predecessor } = options;
  return startDataPlane({
    addresses: options.dns,
    workers: options.workers,
    ...(predecessor === undefined ? {} : { sockets: predecessor.sockets.plane }),
    ...(options.io === undefined ? {} : { io: options.io }),
    ...(options.nsid === undefined ? {} : { nsid: options.nsid }),
    ...(options.versionBind === undefined ? {} : { versionBind: options.versionBind }),
    ...(options.serverId === undefined ? {} : { serverId: options.serverId }),
    ecs: options.ecs,
    ...options.protection,
    log: options.log,
  });
}

/** A replica may hold no more of its history than the newest revision's hash. */
export function historyOf(store: Store): (revision: number) => string | undefined {
  return (revision) =>
    revision === store.latest() ? store.digest() : store.revision(revision)?.hash;
}
