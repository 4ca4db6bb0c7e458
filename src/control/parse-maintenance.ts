import { limits } from '../base/limits.ts';
import { type MaintenanceWindow, type Weekday, weekdays } from '../health/maintenance.ts';
import { formatDuration } from './duration.ts';
import { at, type Findings, show } from './findings.ts';
import { parseTime } from './parse-time.ts';
import {
  type Form,
  mustHave,
  readChoice,
  readDistinct,
  readDuration,
  readList,
  readObject,
  readText,
} from './read-form.ts';

const keys = ['from', 'to', 'days', 'at', 'for'];
const lengthBounds = { min: 60_000, max: 7 * 86_400_000 };

/**
 * Reads windows of planned work: `[{ from: 2026-01-31T18:00:00Z, to: 2026-01-31T20:00:00Z }]`, or
 * recurring ones, UTC: `[{ days: [sat, sun], at: "02:00", for: 2h }]`.
 */
export function readMaintenance(
  value: unknown,
  path: string,
  findings: Findings,
): readonly MaintenanceWindow[] | undefined {
  const bounds = { max: limits.maintenanceWindows };
  const list = readList(value, path, 'maintenance', bounds, findings);
  return list?.flatMap((entry, index) => readWindow(entry, at(path, index), findings) ?? []);
}

/** Writes windows as operators write them; nothing where there are none. */
export function formatMaintenance(
  windows: readonly MaintenanceWindow[] | undefined,
): Record<string, unknown> {
  if (windows === undefined || windows.length === 0) return {};
  return {
    maintenance: windows.map((window) => {
      if ('from' in window) return { from: window.from, to: window.to };
      const { days, atMinute, forMs } = window;
      const two = (part: number) => String(part).padStart(2, '0');
      const time = `${two(Math.floor(atMinute / 60))}:${two(atMinute % 60)}`;
      const when = { at: time, for: formatDuration(forMs) };
      return days.length === weekdays.length ? when : { days: [...days], ...when };
    }),
  };
}

function readWindow(
  value: unknown,
  path: string,
  findings: Findings,
): MaintenanceWindow | undefined {
  const form = readObject(value, path, 'a maintenance window', keys, findings);
  if (form === undefined) return undefined;
  const isOnce = form['from'] !== undefined || form['to'] !== undefined;
  const foreign = (isOnce ? ['days', 'at', 'for'] : []).filter((key) => form[key] !== undefined);
  if (foreign.length > 0) {
    const message =
      `a maintenance window has both from/to and ${foreign.join(', ')}; keep from and to for one ` +
      'that comes once, or days, at and for';
    findings.error('E_CONFLICT', path, message);
    return undefined;
  }
  return isOnce ? readOnce(form, path, findings) : readRecurring(form, path, findings);
}

function readOnce(form: Form, path: string, findings: Findings): MaintenanceWindow | undefined {
  const times = (['from', 'to'] as const).map((key) => {
    if (!mustHave(form, key, path, 'a maintenance window', findings)) return undefined;
    const text = readText(form[key], at(path, key), key, findings, 40);
    const epochMs = text === undefined ? undefined : parseTime(text);
    if (text !== undefined && epochMs === undefined) {
      const message = `${key} is ${show(text)}; write a time with its zone, as 2026-01-31T18:30:00Z (RFC 3339)`;
      findings.error('E_FORM_VALUE', at(path, key), message);
    }
    return epochMs;
  });
  const [from, to] = times;
  if (from === undefined || to === undefined) return undefined;
  if (from >= to) {
    findings.error('E_FORM_RANGE', at(path, 'to'), 'to is not after from; correct one of them');
    return undefined;
  }
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
}

function readRecurring(
  form: Form,
  path: string,
  findings: Findings,
): MaintenanceWindow | undefined {
  const whole = (['at', 'for'] as const).map((key) =>
    mustHave(form, key, path, 'a maintenance window', findings),
  );
  const day = (entry: unknown, where: string) =>
    readChoice(entry, where, 'days', weekdays, findings);
  const dayBounds = { min: 1, max: weekdays.length };
  const days: readonly Weekday[] =
    form['days'] === undefined
      ? weekdays
      : readDistinct(form['days'], at(path, 'days'), 'days', dayBounds, day, findings);
  const time = readText(form['at'], at(path, 'at'), 'at', findings, 5);
  const match = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(time ?? '');
  if (time !== undefined && match === null) {
    const message = `at is ${show(time)}; write a time of day in UTC, in quotes: "02:00"`;
    findings.error('E_FORM_VALUE', at(path, 'at'), message);
  }
  const forMs = readDuration(form['for'], at(path, 'for'), 'for', lengthBounds, findings);
  if (!whole.every(Boolean) || match === null || forMs === undefined) return undefined;
  return { days, atMinute: Number(match[1]) * 60 + Number(match[2]), forMs };
}
