import type { Clock } from '../../base/clock.ts';
import { limits } from '../../base/limits.ts';
import type { Log } from '../../base/log.ts';
import type { Bus } from '../../cluster/bus.ts';
import type { Cluster } from '../../cluster/cluster-types.ts';
import { TableFollower } from '../../cluster/table-follower.ts';
import type { KeyedTable, TableContent } from '../../cluster/table-message.ts';
import { TablePublisher, type TablePublisherParts } from '../../cluster/table-publisher.ts';
import type { HealthSource } from '../../control/health-source.ts';
import { serviceWords } from '../../control/health-words.ts';
import type { PublishedChanges, PublishedLatency } from '../../latency/published.ts';
import type { Store } from '../../store/store.ts';
import type { AnsweringPart } from '../answering-part.ts';

export interface ClusterTablesParts {
  readonly serving: AnsweringPart;
  readonly health: HealthSource;
  readonly store: Store;
  readonly cluster: Cluster;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether this process can lead: only controllers publish. */
  readonly isController: boolean;
}

/**
 * What the leader tells all others besides revisions: health and latency, so that all choose alike.
 */
export class ClusterTables {
  readonly #parts: ClusterTablesParts;
  readonly #publishers: readonly TablePublisher[];
  readonly #healthPublisher: TablePublisher | undefined;
  #followers: readonly TableFollower[] = [];
  #healthFollower: TableFollower | undefined;
  #latencyFollower: TableFollower | undefined;
  #leads = false;

  constructor(parts: ClusterTablesParts) {
    this.#parts = parts;
    if (!parts.isController) {
      this.#publishers = [];
      return;
    }
    const { serving } = parts;
    this.#healthPublisher = this.#publish('health', {
      all: () => this.#healthEntries(),
      beatMs: limits.tableBeatMs,
    });
    const latency = this.#publish('latency', {
      all: () => latencyEntries(serving.latency.published()),
    });
    this.#publishers = [this.#healthPublisher, latency];
    let version = serving.latency.version;
    serving.publishing.onLatency = () => {
      const moved = serving.latency.publishedSince(version);
      version = serving.latency.version;
      if (moved === undefined) latency.refresh();
      else latency.change(movedEntries(moved));
    };
  }

  /** Begins to follow; what there is comes in at once. */
  start(): void {
    const { health } = this.#parts;
    this.#healthFollower = this.#follow('health', (content) => health.take(content));
    this.#latencyFollower = this.#follow('latency', (content) => this.#takeLatency(content));
    this.#followers = [this.#healthFollower, this.#latencyFollower];
  }

  /** This process leads from now on. */
  lead(): void {
    this.#leads = true;
    this.#parts.serving.latency.lead();
    for (const publisher of this.#publishers) publisher.lead();
  }

  /** This process leads no longer, and follows whoever does: with what was said while it did not listen. */
  follow(): void {
    this.#leads = false;
    this.#latencyFollower?.refetch();
  }

  /** Health of these services has moved, as the leader judges. */
  healthMoved(names: readonly string[]): void {
    const { health } = this.#parts;
    for (const name of names)
      this.#healthPublisher?.change(serviceWords(name, health.health(name)));
  }

  /** Milliseconds since the leader's last word on health; undefined before the first. */
  get healthAgeMs(): number | undefined {
    return this.#healthFollower?.ageMs;
  }

  /** Whether the leader has been heard on everything. */
  get areHeard(): boolean {
    return this.#followers.length > 0 && this.#followers.every(({ ageMs }) => ageMs !== undefined);
  }

  /** What was refused, by reason. */
  counters(): { unsigned: number; stale: number; gaps: number } {
    const sum = { unsigned: 0, stale: 0, gaps: 0 };
    for (const { counters } of this.#followers) {
      sum.unsigned += counters.unsigned;
      sum.stale += counters.stale;
      sum.gaps += counters.gaps;
    }
    return sum;
  }

  /** Takes and tells nothing more; reads that wait end with the bus. */
  close(): void {
    for (const publisher of this.#publishers) publisher.close();
    for (const follower of this.#followers) void follower.close();
  }

  #publish(table: KeyedTable, more: Pick<TablePublisherParts, 'all' | 'beatMs'>): TablePublisher {
    const { bus, cluster, clock, log } = this.#parts;
    return new TablePublisher({
      ...{ table, bus, clock, log, ...more },
      envelope: cluster.envelope,
      lease: () => cluster.lease(),
    });
  }

  #follow(table: KeyedTable, take: (content: TableContent) => void): TableFollower {
    const { bus, cluster, clock, log, store } = this.#parts;
    const leastTerm = () => store.term();
    return new TableFollower({
      ...{ table, bus, clock, log, leastTerm, take },
      envelope: cluster.envelope,
    });
  }

  *#healthEntries(): Iterable<readonly [string, unknown]> {
    const { health, serving } = this.#parts;
    for (const name of serving.configuration().traffic.services.keys()) {
      yield* serviceWords(name, health.health(name));
    }
  }

  #takeLatency({ full, entries }: TableContent): void {
    // The leader's own words come back to it, also while it may not trust its lease: who took them over
    // would follow itself from then on, and publish nothing that it measures.
    if (this.#leads) return;
    const { serving } = this.#parts;
    const put = entries.flatMap(([, value]) => (value === null ? [] : (value as PublishedLatency)));
    const removed = entries.flatMap(([name, value]) =>
      value === null ? readLatencyName(name) : [],
    );
    if (full) serving.latency.replacePublished(put);
    else serving.latency.applyPublished({ put, removed });
    serving.publishing.latencyMoved();
  }
}

function* latencyEntries(
  published: readonly PublishedLatency[],
): Iterable<readonly [string, unknown]> {
  for (const entry of published) yield [latencyName(entry), entry];
}

function* movedEntries(moved: PublishedChanges): Iterable<readonly [string, unknown]> {
  for (const place of moved.removed) yield [latencyName(place), null];
  yield* latencyEntries(moved.put);
}

/** The name of a value in the table; regions hold no space. */
function latencyName({ key, region }: { readonly key: string; readonly region: string }): string {
  return `${key} ${region}`;
}

function readLatencyName(name: string): { readonly key: string; readonly region: string } {
  const space = name.lastIndexOf(' ');
  return { key: name.slice(0, space), region: name.slice(space + 1) };
}
