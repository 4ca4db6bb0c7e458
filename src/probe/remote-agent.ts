import { type KeyObject, sign } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Report } from '../health/report.ts';
import { encodeReport, signaturePart, signedPart } from '../health/report-codec.ts';
import { type Agent, startAgent } from './agent.ts';
import type { Check } from './check-result.ts';
import { ControlClient } from './control-client.ts';
import { ControlLink } from './control-link.ts';
import type { Plan } from './plan.ts';

export interface RemoteAgentOptions {
  /** The name under which it is enrolled. */
  readonly agent: string;
  readonly key: KeyObject;
  /** Controllers, each without a slash at its end. */
  readonly controls: readonly string[];
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly version: string;
  readonly allowPrivateTargets: boolean;
  readonly allowExec: boolean;
  /** Makes the checks; tests put their own. */
  readonly check?: Check;
  /** Every controller has refused this agent for half a minute: it is revoked, removed or forged. */
  onRefused(): void;
}

/** So long all controllers must refuse an agent before it gives up, milliseconds. */
const refusedMs = 30_000;

/**
 * An agent far from its controllers: checks what the newest plan says, whoever can be reached, and
 * tells every controller each second what it knows. Returns what ends it.
 */
export function startRemoteAgent(options: RemoteAgentOptions): () => void {
  // One that is named twice would be told each report twice, and refuse the second.
  const controls = [...new Set(options.controls)];
  const remote = new RemoteAgent({ ...options, controls });
  return () => remote.close();
}

class RemoteAgent {
  readonly #options: RemoteAgentOptions;
  readonly #agent: Agent;
  readonly #links: readonly ControlLink[];
  readonly #refused = new Set<string>();
  #cancelRefused = () => {};
  #boot = 0;
  #plan: Plan | undefined;
  #revision = -1;
  /** The link that the plan is of: what it says next counts, also when its numbers went back. */
  #planFrom = '';

  constructor(options: RemoteAgentOptions) {
    this.#options = options;
    const { agent, clock, random, log, allowPrivateTargets, allowExec, check } = options;
    this.#agent = startAgent({
      agent,
      region: '', // the controllers know it
      clock,
      random,
      log,
      allowPrivateTargets,
      allowExec,
      report: (report) => this.#report(report),
      ...(check === undefined ? {} : { check }),
    });
    this.#links = options.controls.map((url) => this.#link(url));
  }

  close(): void {
    this.#cancelRefused();
    this.#agent.close();
    for (const link of this.#links) link.close();
  }

  #link(url: string): ControlLink {
    const { dispatcher, agent, key, version, clock, random, log } = this.#options;
    return new ControlLink({
      url,
      client: new ControlClient({ url, dispatcher, agent, key, version }),
      clock,
      random,
      log,
      boot: () => this.#boot,
      onBoot: (boot) => {
        this.#boot = Math.max(this.#boot, boot);
      },
      onPlan: (plan, revision) => this.#takePlan(url, plan, revision),
      onRefused: (isRefused) => this.#noteRefused(url, isRefused),
    });
  }

  /** The plan of the newest revision counts; a controller that is behind is not followed back. */
  #takePlan(from: string, plan: Plan, revision: number): void {
    if (revision < this.#revision && from !== this.#planFrom) return;
    this.#revision = revision;
    this.#planFrom = from;
    if (plan.digest === this.#plan?.digest) return;
    this.#plan = plan;
    const fields = { checks: plan.targets.length, revision };
    this.#options.log.info(fields, `${plan.targets.length} checks, by revision ${revision}`);
    this.#agent.setPlan(plan.targets);
  }

  #report(report: Report): void {
    // Before there is a plan nothing is checked, and there is nothing to tell.
    if (this.#plan === undefined || this.#boot === 0) return;
    const { clock, agent, key } = this.#options;
    const named = { ...report, agent, boot: this.#boot };
    const bytes = encodeReport(named, this.#plan.digest, clock.monotonicMs());
    signaturePart(bytes).set(sign(null, signedPart(bytes), key));
    for (const link of this.#links) link.report(bytes);
  }

  #noteRefused(url: string, isRefused: boolean): void {
    const wasRefused = this.#refused.size === this.#options.controls.length;
    if (isRefused) this.#refused.add(url);
    else this.#refused.delete(url);
    const isNow = this.#refused.size === this.#options.controls.length;
    if (isNow === wasRefused) return;
    this.#cancelRefused();
    this.#cancelRefused = isNow
      ? this.#options.clock.setTimer(refusedMs, () => this.#options.onRefused())
      : () => {};
  }
}
