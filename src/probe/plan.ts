import { limits } from '../base/limits.ts';
import type { Monitor } from '../health/monitor.ts';
import { type CheckTarget, canaryId, checkId } from '../health/report.ts';

/** What a controller wants to have checked. */
export interface Plan {
  /** What reports refer to: SHA-256, hex. */
  readonly digest: string;
  readonly targets: readonly CheckTarget[];
}

/** Reads a plan as it comes over the wire; throws TypeError when it is none that can be carried out. */
export function readPlan(text: string): Plan {
  const form: unknown = JSON.parse(text);
  if (!isRecord(form)) throw new TypeError('the plan is no object');
  const { digest, monitors, checks, canaries } = form;
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) {
    throw new TypeError('the plan has no digest');
  }
  if (!isRecord(monitors)) throw new TypeError('the plan has no monitors');
  const targets = [
    ...readPairs(checks, monitors).map(
      ([name, address, monitor]): CheckTarget => ({ id: checkId(name, address), address, monitor }),
    ),
    ...readPairs(canaries, monitors).map(
      ([name, address, monitor]): CheckTarget => ({
        id: canaryId(name, address),
        address,
        monitor,
        canary: true,
      }),
    ),
  ];
  if (targets.length > limits.checksPerAgent) {
    throw new TypeError(`the plan has ${targets.length} checks, more than one agent makes`);
  }
  return { digest, targets };
}

function readPairs(
  value: unknown,
  monitors: Readonly<Record<string, unknown>>,
): (readonly [string, string, Monitor])[] {
  if (!Array.isArray(value)) throw new TypeError('the plan has no list of checks');
  return value.map((entry: unknown) => {
    const [name, address] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof name !== 'string' || typeof address !== 'string') {
      throw new TypeError('a check of the plan has no monitor or address');
    }
    const monitor = monitors[name];
    if (!isMonitor(monitor)) throw new TypeError(`monitor "${name}" of the plan is malformed`);
    return [name, address, monitor];
  });
}

/** What the schedule and the thresholds rely on; the rest is for each check to judge. */
function isMonitor(value: unknown): value is Monitor {
  if (!isRecord(value)) return false;
  const { type, intervalMs, timeoutMs, fall, rise } = value;
  const isCount = (count: unknown): count is number =>
    typeof count === 'number' && Number.isFinite(count) && count > 0;
  return (
    typeof type === 'string' &&
    isCount(intervalMs) &&
    isCount(timeoutMs) &&
    intervalMs >= limits.monitorIntervalMinMs &&
    timeoutMs < intervalMs &&
    isCount(fall) &&
    isCount(rise)
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
