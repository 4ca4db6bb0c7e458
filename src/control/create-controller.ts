import { formatProblem, isAcceptable, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { ImageUpdate } from '../image/image-update.ts';
import { nameKey } from '../wire/names.ts';
import { readZoneText } from '../zone/read-zone.ts';
import type { NameKey, Zone } from '../zone/zone.ts';
import {
  applyChange,
  type ChangeParts,
  type ChangeRequest,
  type ChangeState,
  etagOf,
  takeBack,
} from './apply-change.ts';
import type { ApplyOptions, ApplyResult, ObjectKind, ObjectWrite, Revision } from './change.ts';
import { ChangeQueue } from './change-queue.ts';
import { lookOver, newZones } from './check-ahead.ts';
import type { Configuration, Controller, HealthView } from './controller.ts';
import { ExpiryTimers } from './expiry.ts';
import { followChange, reload } from './follow-change.ts';
import { ImageCourier } from './image-courier.ts';
import { emptyConfiguration, loadConfiguration } from './load-configuration.ts';
import type { ReplicatedRevision } from './replication.ts';
import { rollbackWrites } from './revision-diff.ts';
import { keepSerialsOf, zoneWrites } from './zone-writes.ts';

/** What a controller is made of: the way of a change, and what is asked of the live system. */
export interface ControllerParts extends ChangeParts {
  /** Takes an update to wherever queries are answered; resolves when it is served everywhere. */
  publish(update: ImageUpdate): Promise<void>;
  readonly health: HealthView;
  explain: Controller['explain'];
  measure: Controller['measure'];
  reportLoad: Controller['reportLoad'];
}

/** A controller that runs: its timers tick until `close`. */
export interface RunningController extends Controller {
  /** Stored objects that this version could not read; they are not served. */
  readonly unread: readonly Problem[];
  /**
   * Takes in a revision of the cluster when its turn has come: it must be the next one. `stored` is
   * called when it is on disk; resolves when it is served. Rejects when it could not be stored.
   */
  follow(revision: ReplicatedRevision, stored: () => void): Promise<void>;
  /**
   * Runs `swap`, which replaces the store's content, when no change is under way; then `stored`.
   * Resolves when what the store then holds is served. Rejects with what `swap` threw.
   */
  replace(swap: () => void, stored: () => void): Promise<void>;
  /** Runs work when no change is under way, and none during it. */
  exclusively<T>(work: () => T | Promise<T>): Promise<T>;
  /** Lets the changes under way finish, then stops the timers. The store stays open. */
  close(): Promise<void>;
}

/**
 * Starts a controller on a store: loads the newest revision, publishes it and restores regions whose
 * expiry has passed. Resolves when the first image is served, or could not be published yet (which is
 * logged and tried again). Throws MeridianError when what is stored cannot be compiled at all.
 */
export async function createController(parts: ControllerParts): Promise<RunningController> {
  const controller = new StoreController(parts);
  await controller.start();
  return controller;
}

class StoreController implements RunningController {
  readonly unread: readonly Problem[];
  readonly #parts: ControllerParts;
  readonly #state: ChangeState;
  readonly #queue = new ChangeQueue();
  readonly #courier: ImageCourier;
  readonly #expiry: ExpiryTimers;
  #isClosed = false;

  constructor(parts: ControllerParts) {
    const { store, clock, log } = parts;
    this.#parts = parts;
    const loaded = loadConfiguration(store.content(), store.latest());
    this.unread = loaded.problems;
    this.#state = {
      configuration: loaded.configuration,
      zoneRevisions: new Map(loaded.zoneRevisions),
    };
    this.#courier = new ImageCourier((update) => parts.publish(update), clock, log);
    this.#expiry = new ExpiryTimers({
      clock,
      log,
      regions: () => this.#state.configuration.traffic.regions,
      etag: (region) => this.etag('region', region),
      apply: (writes, options) => this.apply(writes, options),
    });
  }

  async start(): Promise<void> {
    for (const problem of this.unread) {
      const fields = { code: problem.code, where: problem.where };
      this.#parts.log.error(fields, `a stored object is not served: ${formatProblem(problem)}`);
    }
    const { configuration } = this.#state;
    const prepared = await this.#parts.compile(configuration, emptyConfiguration, []);
    this.#parts.stored?.(configuration);
    await this.#courier.deliver(configuration.revision, prepared);
    this.#expiry.schedule();
    // A store's first look-up makes its index: not while somebody waits for a change.
    this.#parts.store.object('zone', '');
    this.#lookOver(configuration.zones.values());
  }

  configuration(): Configuration {
    return this.#state.configuration;
  }

  etag(kind: ObjectKind, id: string): string | undefined {
    return etagOf(this.#state, this.#parts.store, kind, id);
  }

  body(kind: ObjectKind, id: string): string | undefined {
    return this.#parts.store.object(kind, id)?.body;
  }

  apply(writes: readonly ObjectWrite[], options: ApplyOptions): Promise<ApplyResult> {
    return this.change({ asked: writes, writes: () => ({ writes, problems: [] }) }, options);
  }

  async change(request: ChangeRequest, options: ApplyOptions): Promise<ApplyResult> {
    return this.#run(async () => {
      const before = this.#state.configuration;
      const result = await applyChange(request, options, this.#state, this.#parts, this.#courier);
      if (result.revision !== before.revision) {
        this.#expiry.schedule();
        this.#lookOver(newZones(before, this.#state.configuration));
      }
      return result;
    });
  }

  follow(revision: ReplicatedRevision, stored: () => void): Promise<void> {
    return this.#run(async () => {
      await followChange(revision, stored, this.#state, this.#parts, this.#courier);
      this.#expiry.schedule();
    });
  }

  replace(swap: () => void, stored: () => void): Promise<void> {
    return this.#run(async () => {
      swap();
      stored();
      await reload(this.#state, this.#parts, this.#courier);
      this.#lookOver(this.#state.configuration.zones.values());
      this.#expiry.schedule();
    });
  }

  exclusively<T>(work: () => T | Promise<T>): Promise<T> {
    return this.#run(async () => work());
  }

  async applyZoneText(origin: NameKey, text: string, options: ApplyOptions): Promise<ApplyResult> {
    const apex = nameKey(origin);
    const reading = readZoneText(text, { origin: apex, file: apex });
    const { zone, problems } = reading;
    if (zone === undefined || !isAcceptable(problems)) throw new MeridianError(problems);
    return this.change(
      {
        asked: [apex, text],
        // What differs is worked out when the change's turn has come: an earlier one may have moved it.
        writes: (current) => ({ writes: zoneWrites(current.zones.get(apex), zone), problems }),
      },
      options,
    );
  }

  rollback(toRevision: number, options: ApplyOptions): Promise<ApplyResult> {
    return this.change(
      {
        asked: { rollback: toRevision },
        writes: (current) => {
          const { store } = this.#parts;
          const writes = rollbackWrites(store, current.revision, toRevision);
          return { writes: keepSerialsOf(writes, current.zones), problems: [] };
        },
      },
      options,
    );
  }

  revision(number: number): Revision | undefined {
    return this.#parts.store.revision(number);
  }

  revisions(before: number, limit: number): readonly Revision[] {
    return this.#parts.store.revisions(before, Math.min(limit, limits.revisionsPerPage));
  }

  health(): HealthView {
    return this.#parts.health;
  }

  explain(question: Parameters<Controller['explain']>[0]): ReturnType<Controller['explain']> {
    return this.#parts.explain(question);
  }

  measure(...given: Parameters<Controller['measure']>): ReturnType<Controller['measure']> {
    return this.#parts.measure(...given);
  }

  reportLoad(
    samples: Parameters<Controller['reportLoad']>[0],
  ): ReturnType<Controller['reportLoad']> {
    return this.#parts.reportLoad(samples);
  }

  /** Runs work when its turn has come, on a store that holds no revision that should not be there. */
  #run<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.run(async () => {
      takeBack(this.#state, this.#parts.store);
      return work();
    });
  }

  #lookOver(zones: Iterable<Zone>): void {
    void lookOver(zones, () => this.#isClosed);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#expiry.close();
    await this.#queue.idle();
    this.#courier.close();
  }
}
