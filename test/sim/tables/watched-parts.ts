import type { Bus, TableMessage, TableName } from '../../../src/cluster/bus.ts';
import { Envelope, type MessageKind } from '../../../src/cluster/messages.ts';
import type { TableContent } from '../../../src/cluster/table-message.ts';
import { HealthSource, type HealthSourceParts } from '../../../src/control/health-source.ts';
import { LatencyTable } from '../../../src/latency/latency-table.ts';
import type { PublishedChanges, PublishedLatency } from '../../../src/latency/published.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { FleetPlan } from '../fleet/fleet-plan.ts';

/** Health by the leader's word, where each message of the table goes by a checker. */
export class WatchedSource extends HealthSource {
  readonly #onTake: (content: TableContent, take: () => void) => void;

  constructor(parts: HealthSourceParts, onTake: (content: TableContent, take: () => void) => void) {
    super(parts);
    this.#onTake = onTake;
  }

  override take(content: TableContent): void {
    this.#onTake(content, () => super.take(content));
  }
}

/** Latency, where all that is taken over from the leader goes by a checker. */
export class WatchedLatency extends LatencyTable {
  readonly #onTake: (take: () => void) => void;

  constructor({ traffic }: FleetPlan, clock: SimProcess, onTake: (take: () => void) => void) {
    super({ clock, coordinatesOf: (region) => traffic.regions.get(region)?.coordinates });
    this.#onTake = onTake;
  }

  override replacePublished(entries: readonly PublishedLatency[]): void {
    this.#onTake(() => super.replacePublished(entries));
  }

  override applyPublished(changes: PublishedChanges): void {
    this.#onTake(() => super.applyPublished(changes));
  }
}

/** Remembers what it opened last of the latency table: positions travel no further. */
export class WatchedEnvelope extends Envelope {
  opened: TableContent | undefined;

  override open(kind: MessageKind, bytes: Uint8Array): unknown {
    const content = super.open(kind, bytes);
    if (kind === 'latency') this.opened = content as TableContent | undefined;
    return content;
  }
}

/** A bus that tells of what is published on it, whatever becomes of that. */
export function toldBus(
  bus: Bus,
  tell: (table: TableName, message: TableMessage) => void,
): Pick<Bus, 'publish' | 'table' | 'follow'> {
  return {
    publish: (lease, table, message) => {
      tell(table, message);
      return bus.publish(lease, table, message);
    },
    table: (table) => bus.table(table),
    follow: (table, after, limit, waitMs) => bus.follow(table, after, limit, waitMs),
  };
}

/** Latency as the table has it. */
export function* latencyEntries(
  latency: LatencyTable,
): Iterable<readonly [key: string, value: unknown]> {
  for (const entry of latency.published()) yield [`${entry.key} ${entry.region}`, entry];
}
