import type { TrafficShift } from '../control/change.ts';
import { parseRRsetId } from '../control/object-ids.ts';
import { typeName } from '../wire/type-names.ts';
import { clean, counted, formatTable, percent, type Style } from './style.ts';

/** One object before and after, bodies as JSON values; null is absence. */
export interface ShownChange {
  readonly kind: string;
  readonly id: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** The parts of a plan that are shown. */
export interface ShownPlan {
  readonly revision: number;
  readonly changeCount: number;
  readonly changes: readonly ShownChange[];
  readonly traffic: readonly TrafficShift[];
}

/** Lines about one object; the rest is counted. */
const maxDetails = 12;

/** Prints a plan: what changes, object by object and RRset by RRset, then how answers move. */
export function formatPlan(plan: ShownPlan, style: Style): string {
  const { changes, changeCount, revision, traffic } = plan;
  const lines = [`Plan for revision ${revision}: ${counted(changeCount, 'change')}\n\n`];
  for (const change of changes.filter(({ kind }) => kind !== 'rrset' && kind !== 'zone')) {
    lines.push(objectLines(change, style));
  }
  for (const [zone, ofZone] of changesByZone(changes)) lines.push(zoneLines(zone, ofZone, style));
  if (changes.length < changeCount) {
    lines.push(`  … and ${counted(changeCount - changes.length, 'more change')}\n`);
  }
  return `${lines.join('')}\n${formatShifts(traffic, style)}`;
}

/** Percentage points below which a shift is counted, not shown. */
const leastPoints = 0.05;

/** Prints how shares of clients move. */
export function formatShifts(traffic: readonly TrafficShift[], style: Style): string {
  if (traffic.length === 0) return 'Answers do not move between members.\n\n';
  const shown = traffic.filter(
    ({ before, after }) => Math.abs(after - before) * 100 >= leastPoints,
  );
  const rows = shown.map(({ service, member, before, after }) => {
    const points = (after - before) * 100;
    const shift = `${points >= 0 ? '+' : '-'}${Math.abs(points).toFixed(1)}`;
    return [
      clean(service),
      clean(member),
      percent(before),
      '→',
      percent(after),
      points >= 0 ? style.green(shift) : style.red(shift),
    ];
  });
  const head = 'How answers move (share of clients by service and member)\n';
  const hidden = traffic.length - shown.length;
  const rest = hidden === 0 ? '' : `  ${counted(hidden, 'member')} by less than 0.1 points\n`;
  return `${head}${formatTable(rows, { right: [2, 4, 5] })}${rest}\n`;
}

function objectLines({ kind, id, before, after }: ShownChange, style: Style): string {
  const name = `${kind} ${clean(id)}`;
  if (before === null) return `${style.green(`  + ${name}`)}  ${inline(after)}\n`;
  if (after === null) return `${style.red(`  - ${name}`)}\n`;
  const details = differences(before, after);
  const shown = details.slice(0, maxDetails).map((line) => `      ${line}\n`);
  if (details.length > maxDetails) {
    shown.push(`      … and ${details.length - maxDetails} more\n`);
  }
  return `${style.yellow(`  ~ ${name}`)}\n${shown.join('')}`;
}

function changesByZone(changes: readonly ShownChange[]): Map<string, ShownChange[]> {
  const zones = new Map<string, ShownChange[]>();
  for (const change of changes) {
    const zone = change.kind === 'zone' ? change.id : parseRRsetId(change.id)?.zone;
    if (zone === undefined || (change.kind !== 'zone' && change.kind !== 'rrset')) continue;
    const known = zones.get(zone);
    if (known === undefined) zones.set(zone, [change]);
    else known.push(change);
  }
  return zones;
}

function zoneLines(zone: string, changes: readonly ShownChange[], style: Style): string {
  const whole = changes.find(({ kind }) => kind === 'zone');
  const mark = whole === undefined ? '~' : whole.before === null ? '+' : '-';
  const paint = paintOf(mark, style);
  const rrsets = changes.filter(({ kind }) => kind === 'rrset');
  const rows = rrsets.flatMap((change) => rrsetRows(change, style));
  return `${paint(`  ${mark} zone ${clean(zone)}`)}\n${formatTable(rows, { indent: 6 })}`;
}

interface RRsetBody {
  readonly ttl?: number;
  readonly values?: readonly string[];
  readonly steer?: string;
}

/** `- owner TTL TYPE value` and `+ …`, one row for each value that comes, goes or changes its TTL. */
function rrsetRows({ id, before, after }: ShownChange, style: Style): string[][] {
  const parsed = parseRRsetId(id);
  if (parsed === undefined) return [[clean(id)]];
  const type = typeName(parsed.type);
  const owner = clean(parsed.owner);
  const old = valuesOf(before as RRsetBody | null);
  const now = valuesOf(after as RRsetBody | null);
  const oldTtl = ttlOf(before as RRsetBody | null);
  const newTtl = ttlOf(after as RRsetBody | null);
  const serial = type === 'SOA' && oldTtl === newTtl ? serialRow(old[0], now[0]) : undefined;
  if (serial !== undefined) return [[style.yellow('~'), owner, newTtl, type, serial]];
  if (old.join('\n') === now.join('\n')) {
    return [[style.yellow('~'), owner, `${oldTtl} → ${newTtl}`, type, clean(now.join(', '))]];
  }
  const sameTtl = oldTtl === newTtl;
  const gone = old.filter((value) => !sameTtl || !now.includes(value));
  const come = now.filter((value) => !sameTtl || !old.includes(value));
  if (gone.length === 0 && come.length === 0) {
    return [[style.yellow('~'), owner, newTtl, type, `in the order ${clean(now.join(', '))}`]];
  }
  return [
    ...gone.map((value) => [style.red('-'), owner, oldTtl, type, clean(value)]),
    ...come.map((value) => [style.green('+'), owner, newTtl, type, clean(value)]),
  ];
}

/** `serial 4 → 5`, where nothing else of an SOA differs. */
function serialRow(before: string | undefined, after: string | undefined): string | undefined {
  const [old, now] = [before?.split(' ') ?? [], after?.split(' ') ?? []];
  if (old.length !== 7 || now.length !== 7) return undefined;
  const onlySerial = old.every((word, index) => index === 2 || word === now[index]);
  return onlySerial ? `serial ${clean(old[2] ?? '')} → ${clean(now[2] ?? '')}` : undefined;
}

function valuesOf(body: RRsetBody | null): readonly string[] {
  if (body === null) return [];
  return body.steer === undefined ? (body.values ?? []) : [body.steer];
}

function ttlOf(body: RRsetBody | null): string {
  return body?.ttl === undefined ? '' : String(body.ttl);
}

function paintOf(mark: string, style: Style): (text: string) => string {
  if (mark === '+') return style.green;
  return mark === '-' ? style.red : style.yellow;
}

/** `dial: 100 → 50`, one line for each leaf that differs. */
function differences(before: unknown, after: unknown, path = ''): string[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  if (!isTable(before) || !isTable(after)) {
    return [`${path === '' ? 'all' : clean(path)}: ${inline(before)} → ${inline(after)}`];
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) =>
    differences(before[key], after[key], path === '' ? key : `${path}.${key}`),
  );
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A value on one line, cut short; what is absent has its default. */
function inline(value: unknown): string {
  if (value === undefined) return '(default)';
  const text = clean(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > 72 ? `${text.slice(0, 71)}…` : text;
}
