import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { configureGdnsd, configureKnot, configureNsd, configurePowerDns } from './configure.ts';
import { configureBind } from './configure-bind.ts';
import { elsewhere, origin, sites, zoneLines } from './workload.ts';

/** What a server needs to be started. */
export interface Setup {
  /** A folder of its own. */
  readonly folder: string;
  /** Free on 127.0.0.1 for UDP and TCP. */
  readonly port: number;
  /** Country database in MaxMind's layout. */
  readonly database: string;
}

/** How to start a server in the foreground, in one thread that answers. */
export interface Launch {
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** A server to measure. */
export interface Peer {
  readonly name: string;
  /** What it does of the workload, where it is not all. */
  readonly note?: string;
  /** What answers are checked for: RCODE and record count, or only id and question. */
  readonly check: 'answer' | 'question';
  /** Whether steered answers must equal Meridian's. */
  readonly steers: 'no' | 'by peer' | 'by subnet';
  /** Prints the version. */
  readonly version?: readonly string[];
  configure(setup: Setup): Launch;
}

/** What Meridian's API is asked with. */
export const benchToken = 'bench-token-bench-token-bench';

const root = resolve(import.meta.dirname, '../..');

/** Writes the zone as a master file with `www` leading to one site; returns the path. */
export function writeStaticZone(folder: string, site = sites[elsewhere], name = 'static'): string {
  const path = join(folder, `${name}.zone`);
  const www = [`www 30 A ${site.a}`, `www 30 AAAA ${site.aaaa}`];
  writeFileSync(path, `$ORIGIN ${origin}.\n${[...zoneLines, ...www].join('\n')}\n`);
  return path;
}

/** All that can be measured, Meridian first. `meridianFlags` go to `meridian serve`. */
export function listPeers(meridianFlags: readonly string[]): readonly Peer[] {
  const node = process.execPath;
  return [
    {
      name: 'meridian',
      check: 'answer',
      steers: 'by subnet',
      configure: (setup) => configureMeridian(setup, meridianFlags),
    },
    {
      name: 'C echo',
      note: 'no DNS work: what the kernel takes',
      check: 'question',
      steers: 'no',
      configure: ({ port }) => ({ command: [join(root, 'bench/build/echo'), `${port}`] }),
    },
    { name: 'gdnsd', ...configureGdnsd },
    { name: 'Knot DNS, mod-geoip', ...configureKnot },
    { name: 'NSD', ...configureNsd },
    { name: 'BIND, geoip views', ...configureBind },
    { name: 'PowerDNS, geoip', ...configurePowerDns },
    {
      name: 'node:dgram echo',
      note: 'no DNS work',
      check: 'question',
      steers: 'no',
      configure: ({ port }) => ({
        command: [node, join(root, 'bench/servers/echo.ts'), `${port}`],
      }),
    },
    {
      name: 'dns2',
      note: 'one constant answer',
      check: 'question',
      steers: 'no',
      configure: ({ port }) => ({
        command: [node, join(root, 'bench/servers/dns2.ts'), `${port}`],
      }),
    },
  ];
}

function configureMeridian({ folder, port, database }: Setup, flags: readonly string[]): Launch {
  const zones = join(folder, 'zones');
  mkdirSync(zones);
  const zone = [...zoneLines, 'www STEER web', ''].join('\n');
  writeFileSync(join(zones, `${origin}.zone`), zone);
  const traffic = [
    'regions:',
    '  us: { place: aws:us-east-1 }',
    '  eu: { place: aws:eu-west-1 }',
    '  ap: { place: aws:ap-south-1 }',
    '  sa: { place: aws:sa-east-1 }',
    'services:',
    '  web:',
    '    ttl: 30',
    '    members:',
    ...Object.entries(sites).map(
      ([site, { a, aaaa }]) => `      ${site}: { a: [${a}], aaaa: ["${aaaa}"] }`,
    ),
    '    policy:',
    '      geo:',
    '        - { match: { country: [TR] }, use: eu }',
    '        - { match: { country: [MX] }, use: sa }',
    '        - { match: { continent: [EU, AF] }, use: eu }',
    '        - { match: { continent: [AS, OC] }, use: ap }',
    '        - { match: { continent: [SA] }, use: sa }',
    '      else: us',
    '',
  ];
  writeFileSync(join(zones, 'traffic.yaml'), traffic.join('\n'));
  return {
    command: [
      process.execPath,
      join(root, 'src/main.ts'),
      'serve',
      ...['--zones', zones, '--data', join(folder, 'data'), '--dns', `127.0.0.1:${port}`],
      ...['--http', '127.0.0.1:0', '--workers', '1', '--geo', `country=${database}`],
      ...['--log-level', 'warn', ...flags],
    ],
    environment: { MERIDIAN_ADMIN_TOKEN: benchToken },
  };
}

/** The first line that a command prints when asked for its version, or undefined without it. */
export function versionOf(command: readonly string[]): string | undefined {
  const [program = '', ...args] = command;
  const { error, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (error !== undefined) return undefined;
  const text = `${stdout}${stderr}`;
  return /(\d+\.\d+(\.\d+)?)/.exec(text)?.[1] ?? text.split('\n')[0];
}

/** True when the program of a launch can be run here. */
export function isInstalled({ command }: Launch): boolean {
  const [program = ''] = command;
  if (program.includes('/')) return existsSync(program);
  return spawnSync('sh', ['-c', 'command -v "$0"', program]).status === 0;
}

/** Starts a server on the given cores; its output goes to `log`. */
export function launch({ command, environment }: Launch, cores: string, log: number): ChildProcess {
  return spawn('taskset', ['-c', cores, ...command], {
    stdio: ['ignore', log, log],
    env: { ...process.env, ...environment },
  });
}
