import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { Disturbance } from './disturbance.ts';
import { median, type Sample } from './measure.ts';
import type { Running, StartedPeers } from './run-peers.ts';
import type { Scaling } from './scaling.ts';

/** All that one run of bench/peers.ts found. */
export interface Results {
  readonly peers: StartedPeers;
  /** Samples by `peer mix`. */
  readonly saturated: ReadonlyMap<string, readonly Sample[]>;
  readonly paced: ReadonlyMap<string, readonly Sample[]> | undefined;
  /** MB by peer. */
  readonly memory: ReadonlyMap<string, number>;
  readonly scaling: readonly Scaling[] | undefined;
  readonly disturbance: readonly Disturbance[] | undefined;
  readonly networks: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly rate: number;
  readonly flags: readonly string[];
}

type Row = readonly string[];
const mixes = ['plain', 'subnet'] as const;
const mixTitles = {
  plain: 'without a client subnet',
  subnet: 'with a client subnet in every query',
};

/** The tables as text for a terminal. */
export function printReport(results: Results): string {
  return sections(results)
    .map(({ title, rows }) => `\n${title}\n${rows.map((row) => pad(rows, row)).join('\n')}`)
    .join('\n');
}

/** docs/performance.md, as far as it comes from figures; see bench/peers/performance.md. */
export function writeReport(results: Results): string {
  const template = readFileSync(`${import.meta.dirname}/performance.md`, 'utf8');
  const parts: Record<string, string> = {
    machine: machine(results),
    versions: versions(results),
    absent: absent(results),
    noise: noise(results),
    tables: sections(results)
      .map(({ title, rows }) => `### ${title}\n\n${markdown(rows)}`)
      .join('\n\n'),
    targets: markdown(targets(results)),
  };
  return template.replace(/^\{\{(\w+)\}\}$/gm, (_, name: string) => parts[name] ?? '');
}

function sections(results: Results): { title: string; rows: Row[] }[] {
  const { saturated, paced, scaling, disturbance, rate } = results;
  const all = mixes.map((mix) => ({
    title: `At saturation, ${mixTitles[mix]}`,
    rows: saturatedRows(results, saturated, mix),
  }));
  for (const mix of paced === undefined ? [] : mixes) {
    const title = `At ${rate.toLocaleString('en')} queries/s, ${mixTitles[mix]}`;
    all.push({ title, rows: pacedRows(results, paced ?? new Map(), mix) });
  }
  if (scaling !== undefined) all.push({ title: 'Two workers', rows: scalingRows(scaling) });
  if (disturbance !== undefined) {
    const title = `While answers change, at ${rate.toLocaleString('en')} queries/s`;
    all.push({ title, rows: disturbanceRows(disturbance) });
  }
  return all;
}

function saturatedRows(
  { peers, memory }: Results,
  samples: ReadonlyMap<string, readonly Sample[]>,
  mix: string,
): Row[] {
  const of = (name: string, key: keyof Sample) => middle(samples.get(`${name} ${mix}`), key);
  const head = ['server', 'CPU µs/query', 'user µs', '× gdnsd', '× C echo', 'answered/s'];
  const rows = peers.running.map(({ peer: { name } }) => [
    name,
    of(name, 'cpu').toFixed(2),
    of(name, 'user').toFixed(2),
    ratio(of(name, 'cpu') / of('gdnsd', 'cpu')),
    ratio(of(name, 'cpu') / of('C echo', 'cpu')),
    Math.round(of(name, 'answered') / of(name, 'seconds')).toLocaleString('en'),
    `${(of(name, 'busy') * 100).toFixed(0)} %`,
    shareOf(samples.get(`${name} ${mix}`), 'lost'),
    shareOf(samples.get(`${name} ${mix}`), 'wrong'),
    (memory.get(name) ?? Number.NaN).toFixed(0),
  ]);
  return [[...head, 'core busy', 'lost', 'wrong', 'RSS MB'], ...rows];
}

function pacedRows(
  { peers }: Results,
  samples: ReadonlyMap<string, readonly Sample[]>,
  mix: string,
): Row[] {
  const of = (name: string, key: keyof Sample) => middle(samples.get(`${name} ${mix}`), key);
  const head = ['server', 'p50 µs', 'p99 µs', 'p99.9 µs', 'p99 × gdnsd', 'CPU µs/query', 'lost'];
  const rows = peers.running.map(({ peer: { name } }) => [
    name,
    of(name, 'p50').toFixed(0),
    of(name, 'p99').toFixed(0),
    of(name, 'p999').toFixed(0),
    ratio(of(name, 'p99') / of('gdnsd', 'p99')),
    of(name, 'cpu').toFixed(2),
    shareOf(samples.get(`${name} ${mix}`), 'lost'),
  ]);
  return [head, ...rows];
}

function scalingRows(scaling: readonly Scaling[]): Row[] {
  const head = ['server', 'CPU µs/query, 1', '2 workers', 'answered/s, 1', '2 workers', 'gain'];
  const rows = scaling.map(({ name, cpu, perSecond }) => [
    name,
    ...cpu.map((value) => value.toFixed(2)),
    ...perSecond.map((value) => Math.round(value).toLocaleString('en')),
    `× ${(perSecond[1] / perSecond[0]).toFixed(2)}`,
  ]);
  return [head, ...rows];
}

function disturbanceRows(disturbance: readonly Disturbance[]): Row[] {
  const head = ['Meridian', 'p50 µs', 'p99 µs', 'p99.9 µs', 'longest µs', 'changes', 'lost'];
  const rows = disturbance.map(({ name, p50, p99, p999, max, changes, lost }) => [
    name,
    ...[p50, p99, p999, max, changes, lost].map((value) => value.toFixed(0)),
  ]);
  return [head, ...rows];
}

/** What the figures should be, and what they are. */
function targets(results: Results): Row[] {
  const { saturated, paced, memory, scaling, disturbance } = results;
  const at = (samples: Results['paced'], name: string, mix: string, key: keyof Sample) =>
    middle(samples?.get(`${name} ${mix}`), key);
  const rows: Row[] = [['target', 'figure', 'met']];
  const add = (text: string, figure: number, most: number, digits = 2) =>
    rows.push([
      text,
      Number.isNaN(figure) ? 'not measured' : figure.toFixed(digits),
      figure <= most ? 'yes' : 'no',
    ]);
  for (const mix of mixes) {
    const cpu = (name: string) => at(saturated, name, mix, 'cpu');
    add(`CPU ≤ 1.10 × gdnsd, ${mixTitles[mix]}`, cpu('meridian') / cpu('gdnsd'), 1.1);
    add(`CPU ≤ 1.15 × C echo, ${mixTitles[mix]}`, cpu('meridian') / cpu('C echo'), 1.15);
    add(`user time ≤ 0.6 µs, ${mixTitles[mix]}`, at(saturated, 'meridian', mix, 'user'), 0.6);
    const p99 = (name: string) => at(paced, name, mix, 'p99');
    add(`p99 ≤ 1.5 × gdnsd, ${mixTitles[mix]}`, p99('meridian') / p99('gdnsd'), 1.5);
  }
  add('RSS ≤ 250 MB', memory.get('meridian') ?? Number.NaN, 250, 0);
  const gain = (name: string) => {
    const one = scaling?.find((each) => each.name === name);
    return one === undefined ? Number.NaN : one.perSecond[1] / one.perSecond[0];
  };
  add(
    "C echo's gain by a second worker ÷ Meridian's ≤ 1.10",
    gain('C echo') / gain('meridian'),
    1.1,
  );
  const longest = disturbance?.at(-1)?.max ?? Number.NaN;
  add('longest latency in ms while answers change ≤ 5', longest / 1000, 5);
  return rows;
}

function machine({ rounds, seconds, networks, flags }: Results): string {
  const [cpu] = cpus();
  const [date] = new Date().toISOString().split('T');
  const extra = flags.length === 0 ? '' : ` Meridian ran with \`${flags.join(' ')}\`.`;
  return (
    `Measured on ${date}: a virtual machine with ${cpus().length} cores (${cpu?.model.trim()}), ` +
    `${Math.round(totalmem() / 2 ** 30)} GB, Linux ${release().split('-')[0]}, Node ${process.version}. ` +
    `Medians of ${rounds} rounds of ${seconds} s, all servers in turn in each round, after one to ` +
    `warm up. The country database has ${networks.toLocaleString('en')} networks.${extra}`
  );
}

function versions({ peers }: Results): string {
  return peers.running
    .map(({ peer, version, agreement }) => {
      const notes = [peer.note, agreement].filter((note) => note !== undefined);
      return `- ${peer.name}${version === undefined ? '' : ` ${version}`}${notes.map((note) => `; ${note}`).join('')}`;
    })
    .join('\n');
}

function absent({ peers }: Results): string {
  if (peers.absent.length === 0) return 'All of them ran.';
  return peers.absent.map(({ name, reason }) => `- ${name} is absent: ${reason}`).join('\n');
}

/** How far the rounds lie apart, and what else the machine did. */
function noise({ peers, saturated }: Results): string {
  const spreads = peers.running.flatMap(({ peer }: Running) =>
    mixes.map((mix) => {
      const all = (saturated.get(`${peer.name} ${mix}`) ?? []).map(({ cpu }) => cpu);
      return (Math.max(...all) - Math.min(...all)) / median(all);
    }),
  );
  const others = [...saturated.values()].flat().map((one) => one.others);
  return (
    `Within this run the rounds of one server lie ${(median(spreads) * 100).toFixed(0)} % apart in CPU ` +
    `per query (median over servers; at most ${(Math.max(...spreads) * 100).toFixed(0)} %). Other processes used ` +
    `${median(others).toFixed(2)} cores meanwhile (median; at most ${Math.max(...others).toFixed(2)}).`
  );
}

function middle(samples: readonly Sample[] | undefined, key: keyof Sample): number {
  // Ticks are few, so that user time is taken of all rounds together.
  if (key === 'user') return meanUser(samples ?? []);
  return median((samples ?? []).map((one) => one[key]));
}

function meanUser(samples: readonly Sample[]): number {
  const answered = samples.reduce((sum, one) => sum + one.answered, 0);
  return samples.reduce((sum, one) => sum + one.user * one.answered, 0) / answered;
}

function shareOf(samples: readonly Sample[] = [], key: 'lost' | 'wrong'): string {
  const sum = (of: 'sent' | 'lost' | 'wrong') => samples.reduce((total, one) => total + one[of], 0);
  const count = sum(key);
  return count === 0 ? '0' : `${((count / sum('sent')) * 100).toPrecision(2)} %`;
}

const ratio = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(2));

function markdown([head = [], ...rows]: readonly Row[]): string {
  const line = (cells: Row) => `| ${cells.join(' | ')} |`;
  const rule = head.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

function pad(rows: readonly Row[], row: Row): string {
  return row
    .map((cell, column) => {
      const width = Math.max(...rows.map((each) => each[column]?.length ?? 0));
      return column === 0 ? cell.padEnd(width) : cell.padStart(width + 2);
    })
    .join('');
}
