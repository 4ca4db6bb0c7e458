import { limits } from '../../../src/base/limits.ts';
import type { HealthSource } from '../../../src/control/health-source.ts';
import type { ServiceHealth } from '../../../src/health/verdict.ts';
import type { Traffic } from '../../../src/policy/traffic.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';

/** How late a process may turn to whoever's word counts, milliseconds: two ticks of its source. */
const graceMs = 1100;

/** What is asked of a process. */
export interface SteerParts {
  readonly world: Simulation;
  readonly process: SimProcess;
  readonly source: HealthSource;
  readonly traffic: Traffic;
  /** Whether it has no fleet until it judges alone. */
  readonly isCold: boolean;
  isLeading(): boolean;
}

/** Checks by whose word on health one life of a member steers, and that what it says is public. */
export class SteerWatch {
  readonly #parts: SteerParts;
  readonly #published = new Map<string, string>();
  readonly #down = new Map<string, ReadonlySet<string>>();
  #usedOwn = false;
  /** When it began to steer by the wrong word. */
  #wrongSinceMs: number | undefined;
  /** When it heard the leader's table last, or else when it started. */
  #heardMs: number;
  /** How often it began to judge alone. */
  alone = 0;
  #wasAlone = false;

  constructor(parts: SteerParts) {
    this.#parts = parts;
    this.#heardMs = parts.process.monotonicMs();
    this.published([...parts.traffic.services.keys()]);
  }

  /** The leader's table has said something. */
  heard(): void {
    this.#heardMs = this.#parts.process.monotonicMs();
  }

  /** Answers follow the health of these services from now on. */
  published(names: readonly string[]): void {
    const { source, isCold } = this.#parts;
    const begins = source.usesOwnFleet && !this.#usedOwn;
    this.#usedOwn = source.usesOwnFleet;
    for (const name of names) {
      const health = source.health(name);
      const down = downIn(health);
      if (begins && isCold) this.#demandKept(name, down);
      this.#down.set(name, down);
      this.#published.set(name, textOf(health));
    }
  }

  /** Who begins to judge alone leaves out what was out, unless that is all that there is of a family. */
  #demandKept(name: string, down: ReadonlySet<string>): void {
    const { world, process, traffic } = this.#parts;
    const before = this.#down.get(name) ?? new Set();
    const members = [...(traffic.services.get(name)?.members.values() ?? [])];
    const leavesNothing = (['a', 'aaaa'] as const).some((family) => {
      const vips = members.flatMap((member) => member[family]);
      return vips.length > 0 && vips.every((vip) => before.has(vip));
    });
    const back = leavesNothing ? [] : [...before].filter((vip) => !down.has(vip));
    world.demand(back.length === 0, 'silence', () => {
      return `${process.name} begins to judge alone and brings ${back.join(', ')} of ${name} back`;
    });
  }

  /** Looks at how things stand; a process that stands still cannot know. */
  look(): void {
    const { world, process, source, traffic } = this.#parts;
    if (!process.isRunning) {
      this.#wrongSinceMs = undefined;
      return;
    }
    for (const name of traffic.services.keys()) {
      const is = textOf(source.health(name));
      world.demand(is === this.#published.get(name), 'published', () => {
        return `${process.name} steers ${name} by ${is}, and told nobody`;
      });
    }
    this.#lookWhose();
  }

  /**
   * The leader judges by itself, everybody else by its table, and alone when that has been silent for
   * 15 seconds: no sooner, and no longer than until it speaks again.
   */
  #lookWhose(): void {
    const { world, process, source, isLeading } = this.#parts;
    const nowMs = process.monotonicMs();
    const silentMs = nowMs - this.#heardMs;
    const isAlone = !isLeading() && silentMs >= limits.tableSilenceMs;
    if (isAlone && !this.#wasAlone) this.alone++;
    this.#wasAlone = isAlone;
    if (source.usesOwnFleet === (isLeading() || isAlone)) this.#wrongSinceMs = undefined;
    else this.#wrongSinceMs ??= nowMs;
    const wrongMs = nowMs - (this.#wrongSinceMs ?? nowMs);
    world.demand(wrongMs < graceMs, 'whose word', () => {
      const whose = source.usesOwnFleet ? 'its own word' : 'the table';
      return `${process.name} goes by ${whose}, ${Math.round(silentMs)} ms after the table spoke`;
    });
  }
}

/** Addresses that are down. */
function downIn(health: ServiceHealth): ReadonlySet<string> {
  const vips = [...health.values()].flatMap((member) => [...member.vips]);
  return new Set(vips.flatMap(([vip, verdict]) => (verdict === 'down' ? [vip] : [])));
}

/** What answers depend on. */
function textOf(health: ServiceHealth): string {
  return JSON.stringify([...health].map(([name, { vips, ramp }]) => [name, [...vips], ramp]));
}
