import type { LoadReport } from '../peers/measure.ts';
import { countsOf, type Pair, type Phase } from './load-pairs.ts';
import type { Usage } from './twin.ts';
import type { Move, Witness } from './witness.ts';

type Group = 'tested' | 'control';
const groups = ['tested', 'control'] as const;

export const print = (text: string) => process.stdout.write(`${text}\n`);

/** The value below which a share of the values lies; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** What became of the load, by phase; the ratio is that of the two clusters in each window. */
export function printPairs(pairs: readonly Pair[]): void {
  print(
    '  phase    cluster   windows    queries  failed  late  p50 µs  p99 µs (medians of windows)',
  );
  for (const phase of ['before', 'outage', 'turn', 'after'] satisfies Phase[]) {
    const ours = pairs.filter((pair) => pair.phase === phase);
    if (ours.length === 0) continue;
    for (const group of groups) {
      const reports = ours.map((pair) => pair[group]);
      const counts = reports.map(countsOf);
      const sum = (field: 'sent' | 'failed' | 'late' | 'unsent') =>
        counts.reduce((total, one) => total + one[field], 0);
      const median = (field: 'p50' | 'p99') =>
        quantile(
          reports.map((one) => one[field]),
          0.5,
        )
          .toFixed(0)
          .padStart(7);
      print(
        `  ${phase.padEnd(8)} ${group.padEnd(8)} ${`${ours.length}`.padStart(8)} ${`${sum('sent')}`.padStart(10)} ` +
          `${`${sum('failed')}`.padStart(7)} ${`${sum('late')}`.padStart(5)} ${median('p50')} ${median('p99')}` +
          (sum('unsent') > 0 ? `  (${sum('unsent')} never sent)` : ''),
      );
    }
    const ratios = (field: keyof LoadReport) =>
      ours.map(({ tested, control }) => tested[field] / control[field]);
    const quartiles = (field: keyof LoadReport) =>
      [0.5, 0.25, 0.75].map((share) => quantile(ratios(field), share).toFixed(3));
    const [p50 = '', p50Low = '', p50High = ''] = quartiles('p50');
    const [p99 = '', p99Low = '', p99High = ''] = quartiles('p99');
    print(
      `  ${phase.padEnd(8)} ratio    p50 ${p50} (quartiles ${p50Low} to ${p50High})  p99 ${p99} (${p99Low} to ${p99High})`,
    );
  }
}

/** What the questions for steered names saw. */
export function printSeen(witness: Witness<Group>): void {
  for (const group of groups) {
    const { asked, failed, returned } = witness.seen(group);
    print(
      `  steered names, ${group.padEnd(8)} ${asked} asked on every node, ${failed} failed, ` +
        `${returned} back at what they had left`,
    );
  }
}

/** How long answers took to follow origins that died and came back. */
export function printMoves(moves: readonly Move<Group>[], stoppedMs: number, lastedMs: number) {
  const [first, ...others] = moves;
  const during = others.filter(({ atMs }) => atMs < stoppedMs + lastedMs);
  const after = others.filter(({ atMs }) => atMs >= stoppedMs + lastedMs);
  const line = (what: string, some: readonly Move<Group>[], group: Group) => {
    if (some.length === 0) return;
    const times = some.flatMap(({ followed }) =>
      [...followed].flatMap(([key, ms]) => (key.startsWith(`${group} `) ? [ms] : [])),
    );
    const figure = (share: number) => `${(quantile(times, share) / 1000).toFixed(1)} s`;
    print(
      `  ${what.padEnd(34)} ${group.padEnd(8)} ${`${some.length}`.padStart(4)} moves, seen ${times.length} times: ` +
        `median ${figure(0.5)}, p99 ${figure(0.99)}, most ${figure(1)}`,
    );
  };
  print('origin died or came back → answers moved');
  for (const group of groups) {
    if (first !== undefined) line('died just when Redis stopped', [first], group);
    for (const to of ['spare', 'origin'] as const) {
      const what = to === 'spare' ? 'died' : 'came back';
      const are = (some: readonly Move<Group>[]) => some.filter((move) => move.to === to);
      line(`${what} during the outage`, are(during), group);
      line(`${what} after it`, are(after), group);
    }
  }
}

type Usages = Readonly<Record<Group, ReadonlyMap<string, Usage>>>;

/** Memory before, after and at the end, and CPU during the outage, of every process. */
export function printUsage(before: Usages, after: Usages, atEnd: Usages, lastedMs: number): void {
  print('RSS in MB: before the outage, at its end, at the end of all; CPU during the outage');
  for (const group of groups) {
    for (const [name, first] of before[group]) {
      const second = after[group].get(name);
      const last = atEnd[group].get(name);
      if (second === undefined || last === undefined) continue;
      const mb = [first, second, last].map(({ rssMb }) => rssMb.toFixed(0).padStart(5)).join('');
      const cpu = ((second.cpuMs - first.cpuMs) / lastedMs) * 100;
      print(`  ${group.padEnd(8)} ${name.padEnd(4)} ${mb}   ${cpu.toFixed(1)} % of a core`);
    }
  }
}
