import assert from 'node:assert/strict';
import type { Clock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import {
  type CheckState,
  type CheckTarget,
  type Report,
  reportIntervalMs,
} from '../health/report.ts';
import { reportBytes } from '../health/report-codec.ts';
import { nextState, stepThresholds, type ThresholdState, unchecked } from '../health/thresholds.ts';
import type { Check, CheckResult } from './check-result.ts';
import { createGuard, type Guard } from './guard.ts';
import { createCheck } from './run-check.ts';
import { type Beat, firstDueMs, nextDueMs, recheckDueMs, spread } from './schedule.ts';
import { Slots } from './slots.ts';

export interface AgentOptions {
  /** Name of the agent, unique in the fleet. */
  readonly agent: string;
  /** Where it stands, as agent regions are named. */
  readonly region: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Lets probes connect to loopback and private addresses; metadata addresses stay refused. */
  readonly allowPrivateTargets: boolean;
  /** Lets monitors run commands, with this process's rights. Default false. */
  readonly allowExec?: boolean;
  /** Takes each report: every second and at once when a state changes. */
  report(report: Report): void;
  /** Greater for each start; the milliseconds since 1970 when absent. See `Report.boot`. */
  readonly boot?: number;
  /** Makes the checks; tests put their own. */
  readonly check?: Check;
}

/** One probe process at one vantage point: the same code inside `serve` and far away. */
export interface Agent {
  /** Replaces what is checked; targets that stay keep their state. */
  setPlan(targets: readonly CheckTarget[]): void;
  /** Stops all checks and reports; checks under way are aborted. */
  close(): void;
}

/** Starts an agent; it checks nothing until it gets a plan. */
export function startAgent(options: AgentOptions): Agent {
  return new ProbeAgent(options);
}

/** One target and where its checking stands. */
interface Probe {
  target: CheckTarget;
  beat: Beat;
  thresholds: ThresholdState;
  last: CheckResult | undefined;
  /** Checks made, whatever they found. */
  made: number;
  /** Takes back whatever comes next: a timer, a place in the queue or a running check. */
  cancel: () => void;
}

/** State changes within this long of a report travel together in the next, milliseconds. */
const reportGapMs = 20;
/**
 * What reports of changes may come to, octets per second, after some at once: where much changes for all
 * agents, a fleet must not overrun its controllers at the moment that counts.
 */
const changeBytesPerSecond = 96 * 1024;
const changesAtOnce = 4;
/** A check that does not settle this long after it was aborted is given up, milliseconds. */
const stuckMs = 1000;

class ProbeAgent implements Agent {
  readonly #options: AgentOptions;
  readonly #guard: Guard;
  readonly #check: Check;
  readonly #boot: number;
  readonly #slots = new Slots(limits.concurrentChecks);
  readonly #execSlots = new Slots(limits.concurrentExecChecks);
  #probes = new Map<string, Probe>();
  #sequence = 0;
  #canariesOk = true;
  #reportedMs = Number.NEGATIVE_INFINITY;
  #cancelReport: () => void;
  /** Why checks were made over tcp instead; each reason is logged once. */
  readonly #downgraded = new Set<string>();
  /** A report that a change of state asked for is due. */
  #isUrgent = false;
  /** Until when the reports of changes so far have used up what they may come to. */
  #changesPaidMs = 0;
  #isClosed = false;

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#guard = createGuard(options.allowPrivateTargets);
    this.#check = options.check ?? createCheck(options.allowExec === true);
    this.#boot = options.boot ?? options.clock.epochMs();
    this.#cancelReport = options.clock.setTimer(reportIntervalMs, () => this.#report());
  }

  setPlan(targets: readonly CheckTarget[]): void {
    const { clock, log, agent } = this.#options;
    const nowMs = clock.monotonicMs();
    const before = this.#probes;
    const after = new Map<string, Probe>();
    if (targets.length > limits.checksPerAgent) {
      const fields = { targets: targets.length, cap: limits.checksPerAgent };
      log.error(fields, 'more checks than one agent makes; the last ones stay unknown');
    }
    for (const target of targets.slice(0, limits.checksPerAgent)) {
      const { intervalMs, timeoutMs } = target.monitor;
      // Validation refuses it; a check that outlasts its interval could never be scheduled.
      assert(timeoutMs < intervalMs, `${target.id}: timeout must be less than interval`);
      const old = before.get(target.id);
      const beat = { intervalMs, place: spread(agent, target.id) };
      const probe = old ?? {
        target,
        beat,
        thresholds: unchecked(nowMs),
        last: undefined,
        made: 0,
        cancel: () => {},
      };
      const isNew = old === undefined || old.beat.intervalMs !== intervalMs;
      probe.target = target;
      probe.beat = beat;
      after.set(target.id, probe);
      if (isNew) {
        probe.cancel();
        this.#schedule(probe, firstDueMs(beat, nowMs));
      }
    }
    for (const [id, probe] of before) if (!after.has(id)) probe.cancel();
    this.#probes = after;
    this.#warnOfUncheckable(targets.filter(({ id }) => !before.has(id)));
  }

  /** Says once what nothing can be said of from here, and why: without others it is served whatever happens. */
  #warnOfUncheckable(targets: readonly CheckTarget[]): void {
    const reasons = targets.flatMap(({ id, address, monitor }) => {
      const isRefused = monitor.type === 'exec' && this.#options.allowExec !== true;
      const reason = isRefused
        ? `${id} is a command; see --allow-exec`
        : this.#guard.refusal(address);
      return reason === undefined ? [] : [reason];
    });
    const [first] = reasons;
    if (first === undefined) return;
    const more = reasons.length > 1 ? ` (and ${reasons.length - 1} more)` : '';
    const message = `not checked from here, and answered whatever happens unless others check it: ${first}${more}`;
    this.#options.log.warn({ agent: this.#options.agent, targets: reasons.length }, message);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelReport();
    for (const probe of this.#probes.values()) probe.cancel();
    this.#probes.clear();
  }

  #schedule(probe: Probe, dueMs: number): void {
    const { clock } = this.#options;
    const delayMs = Math.max(0, dueMs - clock.monotonicMs());
    probe.cancel = clock.setTimer(delayMs, () => {
      const { type } = probe.target.monitor;
      const slots = type === 'exec' ? this.#execSlots : this.#slots;
      let leave = () => {};
      probe.cancel = () => leave();
      leave = slots.take(() => this.#run(probe, slots));
    });
  }

  /**
   * Makes one check: started, aborted when its time is over, taken into the state, next one set.
   */
  #run(probe: Probe, slots: Slots): void {
    const { clock, random } = this.#options;
    const { target } = probe;
    const startedMs = clock.monotonicMs();
    const controller = new AbortController();
    let isCancelled = false;
    let isDone = false;
    let stopTimer = () => {};
    const finish = (result: CheckResult) => {
      if (isDone) return;
      isDone = true;
      stopTimer();
      slots.free();
      if (isCancelled || this.#isClosed) return;
      this.#take(probe, result);
      const { state, runs } = probe.thresholds;
      const isFalling = state !== 'down' && runs.down > 0;
      const dueMs = isFalling
        ? recheckDueMs(probe.target.monitor, startedMs)
        : nextDueMs(probe.beat, startedMs, random.fraction());
      this.#schedule(probe, dueMs);
    };
    probe.cancel = () => {
      isCancelled = true;
      controller.abort();
      finish(stuck);
    };
    stopTimer = clock.setTimer(target.monitor.timeoutMs, () => {
      stopTimer = clock.setTimer(stuckMs, () => finish(stuck));
      controller.abort();
    });
    const context = { signal: controller.signal, guard: this.#guard, clock };
    this.#check(target, context).then(finish, (thrown: unknown) => {
      finish({ outcome: 'unknown', error: 'check-stuck', errorText: errorText(thrown) });
    });
  }

  #take(probe: Probe, result: CheckResult): void {
    const before = probe.thresholds;
    const nowMs = this.#options.clock.monotonicMs();
    probe.thresholds = stepThresholds(before, result.outcome, probe.target.monitor, nowMs);
    probe.last = result;
    if (result.downgraded !== undefined) this.#tellDowngraded(result.downgraded);
    probe.made = (probe.made + 1) & 0xffff;
    if (probe.thresholds.state !== before.state) this.#reportSoon();
  }

  #tellDowngraded(reason: string): void {
    if (this.#downgraded.has(reason)) return;
    this.#downgraded.add(reason);
    this.#options.log.warn({ reason }, `icmp monitors are downgraded to tcp: ${reason}`);
  }

  /**
   * Reports at once, or with whatever else changes in the moment after the last report; no later than
   * the next report is due anyway.
   */
  #reportSoon(): void {
    if (this.#isUrgent) return;
    const nowMs = this.#options.clock.monotonicMs();
    const costMs = (reportBytes(this.#probes.size) / changeBytesPerSecond) * 1000;
    const allowedMs = Math.max(
      this.#reportedMs + reportGapMs,
      this.#changesPaidMs - (changesAtOnce - 1) * costMs,
    );
    if (allowedMs >= this.#reportedMs + reportIntervalMs) return;
    this.#changesPaidMs = Math.max(this.#changesPaidMs, nowMs) + costMs;
    const waitMs = Math.max(0, allowedMs - nowMs);
    if (waitMs === 0) {
      this.#report();
      return;
    }
    this.#isUrgent = true;
    this.#cancelReport();
    this.#cancelReport = this.#options.clock.setTimer(waitMs, () => this.#report());
  }

  #report(): void {
    const { clock, agent, region, log } = this.#options;
    this.#cancelReport();
    this.#isUrgent = false;
    this.#reportedMs = clock.monotonicMs();
    this.#cancelReport = clock.setTimer(reportIntervalMs, () => this.#report());
    const results: CheckState[] = [];
    let canaries = 0;
    let failing = 0;
    for (const probe of this.#probes.values()) {
      if (probe.target.canary !== true) {
        results.push(stateOf(probe, this.#reportedMs));
        continue;
      }
      if (probe.thresholds.state === 'unknown') continue;
      canaries++;
      if (probe.thresholds.state === 'down') failing++;
    }
    const canariesOk = failing * 2 <= canaries;
    this.#tellOfCanaries(canariesOk, `${failing} of ${canaries}`);
    const sequence = ++this.#sequence;
    try {
      this.#options.report({ agent, region, boot: this.#boot, sequence, canariesOk, results });
    } catch (thrown) {
      log.error({ agent, err: thrown }, `a report was not taken: ${errorText(thrown)}`);
    }
  }

  /** Whose trouble is its own sees it here: nobody else's log speaks of it. */
  #tellOfCanaries(canariesOk: boolean, howMany: string): void {
    if (canariesOk === this.#canariesOk) return;
    this.#canariesOk = canariesOk;
    const { agent, log } = this.#options;
    if (canariesOk) log.info({ agent }, 'the canaries answer again, and checks from here count');
    else log.warn({ agent }, `${howMany} canaries fail, so that no check from here counts`);
  }
}

const stuck: CheckResult = {
  outcome: 'unknown',
  error: 'check-stuck',
  errorText: 'the check did not end when its time was over',
};

function stateOf({ target, thresholds, last, made }: Probe, nowMs: number): CheckState {
  const next = nextState(thresholds, target.monitor);
  return {
    target: target.id,
    state: thresholds.state,
    forMs: Math.round(nowMs - thresholds.sinceMs),
    ...(next === undefined ? {} : { next }),
    ...(last?.connectMs === undefined ? {} : { connectMs: last.connectMs }),
    ...(last?.tlsMs === undefined ? {} : { tlsMs: last.tlsMs }),
    ...(last?.firstByteMs === undefined ? {} : { firstByteMs: last.firstByteMs }),
    ...(last?.error === undefined ? {} : { error: last.error }),
    ...(last?.errorText === undefined ? {} : { errorText: last.errorText }),
    made,
    ...(last?.downgraded === undefined ? {} : { downgraded: true }),
  };
}
