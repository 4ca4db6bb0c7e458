import { createPublicKey } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type ErrorCode, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { SignedRequest } from '../health/agent-request.ts';
import { type KnownAgent, openReport, type RefusalReason } from '../health/open-report.ts';
import type { PackedReport } from '../health/packed-report.ts';
import { type CheckTarget, isNewer, type ReportName, type ReportNumber } from '../health/report.ts';
import { decodeHead } from '../health/report-codec.ts';
import type { FleetAgent, Traffic } from '../policy/traffic.ts';
import { Challenges, isProven, parseProof } from './agent-auth.ts';
import { type AgentPlan, CheckPlans } from './check-plan.ts';

/** Where reports go that can be believed. */
export interface AgentDeskOptions {
  readonly clock: Clock;
  readonly log: Log;
  receive(report: PackedReport): void;
  /** Told of every report that came from an agent itself. */
  heard?: OnReportHeard;
}

/**
 * Told of a report that came from an agent itself, for other controllers: with its octets as signed, or
 * without where one of those has passed it on before.
 */
export type OnReportHeard = (report: ReportName, bytes: Uint8Array | undefined) => void;

/** What is known of an agent besides its configuration. */
export interface AgentStatus {
  /** Since its last report that was taken, milliseconds by this controller's clock. */
  readonly reportAgeMs: number;
  readonly boot: number;
  readonly sequence: number;
  readonly canariesOk: boolean;
  readonly checks: number;
  readonly version?: string;
  /** From the agent's sending of a report to its having the answer, by its own clock. */
  readonly rttMs?: number;
}

/** Of an agent's last report that was taken. */
interface LastReport {
  readonly boot: number;
  readonly sequence: number;
  readonly canariesOk: boolean;
  readonly checks: number;
  readonly atMs: number;
  /** Until it has come from the agent itself, too. */
  isPassedOn: boolean;
}

/** What an agent says of itself beside its reports. */
interface Visitor {
  /** The greatest boot that was given or reported. */
  boot: number;
  last: LastReport | undefined;
  version: string | undefined;
  rttMs: number | undefined;
}

/** Results by which reports are counted: `taken`, or why not. */
export type ReportCounts = Readonly<Record<'taken' | RefusalReason, number>>;

/**
 * Where agents come to: knows who is enrolled, hands out plans and boot numbers, and takes reports in.
 * All that it remembers it can lose: an agent that is new to it is asked to take a boot number here.
 */
export class AgentDesk {
  readonly #options: AgentDeskOptions;
  readonly #plans = new CheckPlans();
  readonly #challenges: Challenges;
  readonly #visitors = new Map<string, Visitor>();
  readonly #waiting = new Set<{ agent: string; wake(): void }>();
  readonly #counts: Record<'taken' | RefusalReason, number> = {
    taken: 0,
    'too-large': 0,
    malformed: 0,
    'unknown-agent': 0,
    revoked: 0,
    signature: 0,
    plan: 0,
    replay: 0,
    boot: 0,
  };
  #agents: ReadonlyMap<string, FleetAgent> | undefined;
  #known: ReadonlyMap<string, KnownAgent> = new Map();

  constructor(options: AgentDeskOptions) {
    this.#options = options;
    this.#challenges = new Challenges(options.clock);
  }

  /** Takes a configuration's agents and checks; who is revoked or gone is refused from now on. */
  setTraffic(targets: readonly CheckTarget[], traffic: Traffic): void {
    if (traffic.agents !== this.#agents) {
      this.#agents = traffic.agents;
      this.#known = new Map(
        [...(traffic.agents ?? [])].map(([name, agent]) => [name, knownOf(agent)]),
      );
      for (const name of this.#visitors.keys()) {
        if (!this.#known.has(name)) this.#visitors.delete(name);
      }
    }
    const before = new Map([...this.#waiting].map(({ agent }) => [agent, this.#digestOf(agent)]));
    this.#plans.update(targets, traffic);
    for (const waiter of [...this.#waiting]) {
      if (before.get(waiter.agent) !== this.#digestOf(waiter.agent)) waiter.wake();
    }
  }

  /** The checks of an agent that is not enrolled, as the one inside this node. */
  targetsFor(agent: string, region: string): CheckTarget[] {
    return this.#plans.targetsFor(agent, region);
  }

  /** What an agent is to sign with its next request. */
  challenge(): string {
    return this.#challenges.issue();
  }

  /** True for a header that answers a challenge of the last ten minutes, rightly or not. */
  hasProof(header: string | undefined): boolean {
    const proof = parseProof(header);
    return proof !== undefined && this.#challenges.isFresh(proof.challenge);
  }

  /** The error for a request that proves nothing, or too late. */
  noProof(): MeridianError {
    const message =
      'the request does not prove which agent it is of; sign the challenge of this answer and try again';
    return new MeridianError({ code: 'E_AGENT_CHALLENGE', message });
  }

  /**
   * Finds out which agent a request is of. Throws `E_AGENT_CHALLENGE` when it proves nothing or too
   * late, `E_AGENT_UNKNOWN`, `E_AGENT_REVOKED`, `E_AGENT_SIGNATURE`.
   */
  authenticate(header: string | undefined, request: SignedRequest): string {
    const proof = parseProof(header);
    if (proof === undefined || !this.#challenges.isFresh(proof.challenge)) throw this.noProof();
    const known = this.#known.get(proof.agent);
    if (known === undefined) throw refusal('unknown-agent', proof.agent);
    if (known.isRevoked) throw refusal('revoked', proof.agent);
    if (!isProven(proof, request, known.key)) throw refusal('signature', proof.agent);
    return proof.agent;
  }

  /**
   * Gives an agent the number of its boot: greater than every one that is known here or to the agent
   * itself, and than those of controllers that forgot, by the time of day.
   */
  boot(agent: string, current: number, version: string): number {
    const visitor = this.#visitor(agent);
    const nowMs = this.#options.clock.epochMs();
    visitor.boot = Math.max(nowMs, visitor.boot + 1, current + 1);
    visitor.version = version;
    return visitor.boot;
  }

  /** The plan of an agent; undefined for one that is not active. */
  plan(agent: string): AgentPlan | undefined {
    return this.#plans.planOf(agent);
  }

  /** Resolves when an agent's plan is another than `digest`, or after a time. */
  async waitForPlan(agent: string, digest: string, waitMs: number): Promise<void> {
    if (this.#digestOf(agent) !== digest) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancel();
        this.#waiting.delete(waiter);
        resolve();
      };
      const waiter = { agent, wake };
      const cancel = this.#options.clock.setTimer(waitMs, wake);
      this.#waiting.add(waiter);
    });
  }

  /**
   * Takes a report that came from an agent itself. Throws what its refusal means: only whom this
   * controller has given a boot number is believed, so that nothing recorded before it started is.
   */
  take(agent: string, bytes: Uint8Array, rttMs: number | undefined): void {
    const taken = this.#accept(bytes, agent);
    if (taken instanceof MeridianError) throw taken;
    if (rttMs !== undefined) this.#visitor(agent).rttMs = rttMs;
    this.#options.heard?.(taken, taken.isNews ? bytes : undefined);
  }

  /** Takes a report that another controller has taken; false when it is not believed or not newer. */
  takePassedOn(bytes: Uint8Array): boolean {
    // Most have come from the agent already: that costs no look at the signature.
    const head = decodeHead(bytes);
    const last = head === undefined ? undefined : this.#visitors.get(head.agent)?.last;
    if (head !== undefined && last !== undefined && !isNewer(head, last)) {
      this.#counts.replay++;
      return false;
    }
    return !(this.#accept(bytes, undefined) instanceof MeridianError);
  }

  /** Counts a report that was too large to be read. */
  countTooLarge(): void {
    this.#counts['too-large']++;
  }

  /** What is known of an agent; undefined when nothing was heard. */
  status(agent: string): AgentStatus | undefined {
    const { last, version, rttMs } = this.#visitors.get(agent) ?? {};
    if (last === undefined) return undefined;
    const { boot, sequence, canariesOk, checks, atMs } = last;
    return {
      reportAgeMs: Math.round(this.#options.clock.monotonicMs() - atMs),
      ...{ boot, sequence, canariesOk, checks },
      ...(version === undefined ? {} : { version }),
      ...(rttMs === undefined ? {} : { rttMs }),
    };
  }

  counts(): ReportCounts {
    return this.#counts;
  }

  /** Lets go of everybody who waits. */
  close(): void {
    for (const waiter of [...this.#waiting]) waiter.wake();
  }

  /** Takes a report, or says why not; it is no news where another controller has passed it on before. */
  #accept(
    bytes: Uint8Array,
    from: string | undefined,
  ): (ReportName & { readonly isNews: boolean }) | MeridianError {
    const report = openReport(bytes, this.#known, this.#plans.layouts);
    if ('refused' in report) return this.#refuse(report.refused, report.agent);
    const { agent, boot, sequence } = report;
    // Who posts another agent's report has signed nothing himself.
    if (from !== undefined && from !== agent) return this.#refuse('signature', from);
    const visitor = this.#visitors.get(agent);
    if (from !== undefined && visitor === undefined) return this.#refuse('boot', agent);
    const last = visitor?.last;
    const isOld = boot < (visitor?.boot ?? 0) || (last !== undefined && !isNewer(report, last));
    // What an agent tells all controllers at once another may have passed on before it comes in here.
    if (from !== undefined && last?.isPassedOn === true && isSame(report, last)) {
      last.isPassedOn = false;
      if (boot === visitor?.boot) return { agent, boot, sequence, isNews: false };
    }
    if (isOld) return this.#refuse('replay', agent, ` (boot ${boot}, sequence ${sequence})`);
    const known = this.#visitor(agent);
    known.boot = boot;
    const isPassedOn = from === undefined;
    const { canariesOk, layout } = report;
    const checks = layout.ids.length;
    const atMs = this.#options.clock.monotonicMs();
    known.last = { boot, sequence, canariesOk, checks, atMs, isPassedOn };
    this.#counts.taken++;
    this.#options.receive(report);
    return { agent, boot, sequence, isNews: true };
  }

  #refuse(reason: RefusalReason, agent: string | undefined, detail = ''): MeridianError {
    this.#counts[reason]++;
    this.#options.log.debug({ agent, reason }, 'a report was refused');
    return refusal(reason, agent, detail);
  }

  #visitor(agent: string): Visitor {
    let visitor = this.#visitors.get(agent);
    if (visitor === undefined) {
      visitor = { boot: 0, last: undefined, version: undefined, rttMs: undefined };
      this.#visitors.set(agent, visitor);
    }
    return visitor;
  }

  #digestOf(agent: string): string | undefined {
    return this.#plans.planOf(agent)?.digest;
  }
}

function isSame(one: ReportNumber, other: ReportNumber): boolean {
  return one.boot === other.boot && one.sequence === other.sequence;
}

/** What the public key of an agent is in front of: the DER of an Ed25519 key (RFC 8410 §4). */
const derPrefix = Buffer.from('302a300506032b6570032100', 'hex');

function knownOf({ region, publicKey, state }: FleetAgent): KnownAgent {
  const der = Buffer.concat([derPrefix, Buffer.from(publicKey, 'base64url')]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  return { region, key, isRevoked: state === 'revoked' };
}

const refusals: Readonly<Record<RefusalReason, readonly [ErrorCode, string]>> = {
  'too-large': ['E_TOO_LARGE', 'the report is longer than any plan can make one'],
  malformed: ['E_REPORT_FORM', 'the octets are no report; use the version of this controller'],
  'unknown-agent': ['E_AGENT_UNKNOWN', 'is not enrolled here; enrol it with a token'],
  revoked: ['E_AGENT_REVOKED', 'is revoked; enrol it anew under another name'],
  signature: ['E_AGENT_SIGNATURE', 'has not signed this; use the key that it was enrolled with'],
  plan: ['E_REPORT_PLAN', 'reports on a plan that is not known; fetch the plan again'],
  replay: [
    'E_REPORT_REPLAY',
    'has sent this or a newer report before; take a new boot number, and let no two processes have one key',
  ],
  boot: ['E_AGENT_BOOT', 'has no boot number of this controller; take one'],
};

function refusal(reason: RefusalReason, agent: string | undefined, detail = ''): MeridianError {
  const [code, text] = refusals[reason];
  const who = agent === undefined ? '' : `agent "${agent.slice(0, 63)}" `;
  return new MeridianError({ code, message: `${who}${text}${detail}` });
}
