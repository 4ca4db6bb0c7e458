import type { HealthControl } from '../../../src/control/apply-health.ts';
import type { Monitor } from '../../../src/health/monitor.ts';
import { checkId } from '../../../src/health/report.ts';
import type { ServiceHealth, Verdict } from '../../../src/health/verdict.ts';
import { evaluate } from '../../../src/policy/evaluate.ts';
import type { Service } from '../../../src/policy/traffic.ts';
import { anybody, byDistance, colombo, paris } from '../../policy/build.ts';
import type { SimProcess } from '../engine/sim-process.ts';
import type { Simulation } from '../engine/simulation.ts';
import type { FleetPlan } from './fleet-plan.ts';
import type { OracleRuling, WordOracle } from './word-oracle.ts';

const holdMs = 30_000;
const velocityMs = 60_000;
const velocityShare = 0.25;

/** What is known of one VIP of one life of a controller. */
interface Watched {
  verdict: Verdict;
  lastKnown: Verdict | undefined;
  /** The last change for the worse (1) or the better (-1), by the controller's clock. */
  turn: { readonly atMs: number; readonly direction: 1 | -1 } | undefined;
  /** Down from before a restart, and not judged since. */
  isRestored: boolean;
}

const severity: Readonly<Record<Verdict, number>> = { up: 0, unknown: 1, degraded: 2, down: 3 };

/** What a check comes to by the oracle. */
interface JudgedRuling extends OracleRuling {
  readonly check: string;
  readonly monitor: Monitor;
}

/** Checks every verdict that one life of a controller publishes, when it does. */
export class VerdictWatch {
  readonly #world: Simulation;
  readonly #plan: FleetPlan;
  readonly #process: SimProcess;
  readonly #words: WordOracle;
  readonly #vips = new Map<string, Watched>();
  readonly #published = new Map<string, ServiceHealth>();
  readonly #falls = new Map<string, { atMs: number; share: number }[]>();

  constructor(world: Simulation, plan: FleetPlan, process: SimProcess, words: WordOracle) {
    this.#world = world;
    this.#plan = plan;
    this.#process = process;
    this.#words = words;
  }

  /** Health of these services was made public; `isRestoring` while a restart puts back what was. */
  published(names: readonly string[], control: HealthControl, isRestoring: boolean): void {
    for (const name of names) {
      const service = this.#plan.traffic.services.get(name);
      if (service === undefined) continue;
      const health = control.health(name);
      this.#published.set(name, health);
      let turned = false;
      for (const { vips } of health.values()) {
        for (const [address, verdict] of vips) {
          if (this.#see(name, service, address, verdict, isRestoring)) turned = true;
        }
      }
      if (turned) this.#demandAnswers(name, service, health);
    }
  }

  /** Nothing that answers depend on may differ from what was last published. */
  demandPublished(control: HealthControl): void {
    for (const name of this.#plan.traffic.services.keys()) {
      const health = control.health(name);
      const published = this.#published.get(name);
      if (health === published) continue;
      for (const [member, { vips, ramp }] of health) {
        const other = published?.get(member);
        const isSame =
          other?.ramp === ramp && [...vips].every(([vip, is]) => other.vips.get(vip) === is);
        this.#world.demand(
          isSame,
          'published',
          () => `${this.#process.name} changed ${member} of ${name} and told nobody`,
        );
      }
      this.#published.set(name, health);
    }
  }

  verdict(name: string, address: string): Verdict {
    return this.#vips.get(`${name} ${address}`)?.verdict ?? 'unknown';
  }

  #see(
    name: string,
    service: Service,
    address: string,
    to: Verdict,
    isRestoring: boolean,
  ): boolean {
    const key = `${name} ${address}`;
    let vip = this.#vips.get(key);
    if (vip === undefined) {
      vip = { verdict: 'unknown', lastKnown: undefined, turn: undefined, isRestored: false };
      this.#vips.set(key, vip);
    }
    const from = vip.verdict;
    if (to === from) return false;
    this.#world.note(`${this.#process.name}: ${address} of ${name} ${from} → ${to}`);
    vip.verdict = to;
    if (isRestoring) {
      vip.isRestored = true;
      return true;
    }
    const wasRestored = vip.isRestored;
    vip.isRestored = false;
    this.#demandRuled(name, service, address, to);
    if (!wasRestored && service.monitors.length === 1) this.#demandHeld(key, vip, from, to);
    return true;
  }

  /** Invariant 7: a verdict is the quorum's, never that of silence, one agent or one region. */
  #demandRuled(name: string, service: Service, address: string, to: Verdict): void {
    const nowMs = this.#process.monotonicMs();
    const rulings = service.monitors.flatMap((monitorName): JudgedRuling[] => {
      const monitor = this.#plan.traffic.monitors.get(monitorName);
      if (monitor === undefined) return [];
      const check = checkId(monitorName, address);
      return [{ check, monitor, ...this.#words.ruling(check, monitor, nowMs) }];
    });
    const who = `${this.#process.name}: ${address} of ${name}`;
    if (service.monitors.length === 1) {
      const [only] = rulings;
      this.#world.demand(only?.verdict === to, 'quorum', () => {
        return `${who} became ${to}, but the agents' words come to ${only?.verdict}`;
      });
    }
    if (to !== 'down') return;
    const down = rulings.filter(({ verdict }) => verdict === 'down');
    this.#world.demand(down.length > 0, 'quorum', () => `${who} went down without a quorum`);
    if (down.some(({ downRegions }) => downRegions.length >= 2)) return;
    this.#world.demand(
      down.some((ruling) => this.#mayDecideAlone(ruling, nowMs)),
      'one region',
      () => {
        return `${who} went down on one region's word while others were silent`;
      },
    );
    this.#demandSlow(name, service, address, who);
  }

  #mayDecideAlone({ check, monitor, downRegions }: JudgedRuling, nowMs: number): boolean {
    const [region] = downRegions;
    if (region === undefined || monitor.quorum === 'any' || monitor.quorum === 1) return true;
    return this.#words.missedBesides(region, check, monitor, nowMs).length === 0;
  }

  /**
   * Where several agent regions are known, one alone takes out no more than a quarter of a service
   * within a minute.
   */
  #demandSlow(name: string, service: Service, address: string, who: string): void {
    if (this.#words.regionCount < 2) return;
    const nowMs = this.#process.monotonicMs();
    const falls = (this.#falls.get(name) ?? []).filter(({ atMs }) => nowMs - atMs < velocityMs);
    falls.push({ atMs: nowMs, share: shareOf(service, address) });
    this.#falls.set(name, falls);
    const sum = falls.reduce((total, { share }) => total + share, 0);
    this.#world.demand(sum <= velocityShare + 1e-6, 'one region', () => {
      return `${who} went down, ${Math.round(sum * 100)} % of the service on one region's word`;
    });
  }

  /** Damping: a change is not reversed before the hold is over. */
  #demandHeld(key: string, vip: Watched, from: Verdict, to: Verdict): void {
    if (to === 'unknown') return;
    const nowMs = this.#process.monotonicMs();
    const before = vip.lastKnown;
    vip.lastKnown = to;
    if (before === undefined || before === to) return;
    const direction = severity[to] > severity[before] ? 1 : -1;
    const { turn } = vip;
    vip.turn = { atMs: nowMs, direction };
    if (from === 'unknown' || turn === undefined || turn.direction === direction) return;
    const heldMs = nowMs - turn.atMs;
    this.#world.demand(heldMs >= holdMs - 0.01, 'damping', () => {
      return `${key} turned back after ${Math.round(heldMs)} ms (${this.#process.name})`;
    });
  }

  /** Invariant 2: whatever health says, who has an address gets one. */
  #demandAnswers(name: string, service: Service, health: ServiceHealth): void {
    const { regions } = this.#plan.traffic;
    const client = this.#world.pick([anybody, paris, colombo]);
    for (const family of [4, 6] as const) {
      const addresses = [...service.members.values()].flatMap(({ a, aaaa }) =>
        family === 4 ? a : aaaa,
      );
      if (addresses.length === 0) continue;
      const asked = { name, service, regions, health, estimate: byDistance, client, family };
      const { choice } = evaluate(asked);
      this.#world.demand(
        choice.kind !== 'empty',
        'empty answer',
        () => `health of ${name} leaves IPv${family} clients with nothing`,
      );
    }
  }
}

/** A VIP's part of its service, by weight. */
function shareOf(service: Service, address: string): number {
  const members = [...service.members.values()];
  const sum = members.reduce((total, { weight }) => total + weight, 0);
  const owner = members.find(({ a, aaaa }) => [...a, ...aaaa].includes(address));
  if (owner === undefined) return 0;
  return owner.weight / sum / (owner.a.length + owner.aaaa.length);
}
