import { getServers } from 'node:dns';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Command, InvalidArgumentError } from 'commander';
import { errorText, formatProblem, MeridianError } from '../base/errors.ts';
import { checkFolder } from '../control/check-folder.ts';
import { embeddedCountryDatabase } from '../geo/geo-sources.ts';
import { claimAddresses } from '../server/claim-addresses.ts';
import { chooseUdpIo, whyNot } from '../server/open-udp.ts';
import { nameKey } from '../wire/names.ts';
import { type ApiFlags, addApiFlags, findToken, urlOf } from './api-client.ts';
import { addBusFlags, type ClusterFlags, type ClusterOptions, clusterOf } from './cluster-flags.ts';
import { askDns } from './doctor/ask-dns.ts';
import { checkDataFolder } from './doctor/data-folder.ts';
import { checkDelegation } from './doctor/delegation.ts';
import { type Finding, findingsOf } from './doctor/finding.ts';
import { checkGeo } from './doctor/geo.ts';
import { checkClock, checkNode, checkReceiveBuffer, checkUdpBackend } from './doctor/machine.ts';
import { checkPort } from './doctor/ports.ts';
import { checkRunningNode } from './doctor/running-node.ts';
import { collect, type Endpoint, type GeoFlag, parseEndpoint, parseGeoFlag } from './flags.ts';
import { printJson, withJsonErrors } from './output.ts';
import { CommandEnd, exitCodes, type Terminal } from './program.ts';
import { clean, counted, type Style, styleOf } from './style.ts';

interface DoctorFlags extends ApiFlags, ClusterFlags {
  readonly zones: string;
  readonly dns?: readonly Endpoint[];
  readonly geo?: readonly GeoFlag[];
  readonly delegation?: readonly string[];
  readonly resolver?: Endpoint;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ meridian doctor
  $ meridian doctor --dns 192.0.2.53:53 --data /var/lib/meridian --geo city=geodata/GeoLite2-City.mmdb
  $ meridian doctor --delegation example.com
  $ meridian doctor --delegation example.com --resolver 192.0.2.1:53
  $ meridian doctor --role node --redis redis://192.0.2.1:6379 --cluster-key cluster.pub

Changes nothing. Only --redis and --delegation ask servers on the network: Redis; the resolver (of this
system, or the one named, which may also be a name server of the parent zone), the parent's name servers,
and the domain's.
Exit code 1 when something failed; warnings alone give 0.`;

/** Adds `meridian doctor`. */
export function registerDoctor(program: Command, terminal: Terminal): void {
  const command = program
    .command('doctor')
    .description(
      'Look for what keeps a node from working: machine, ports, store, databases, delegation',
    )
    .option('--zones <dir>', 'folder of *.zone files and traffic.yaml', 'zones')
    .option('--dns <addr:port>', 'where DNS is to be served (repeatable)', collect(parseEndpoint))
    .option(
      '--geo <kind=file>',
      'geo database that is to be used (repeatable)',
      collect(parseGeoFlag),
    )
    .option(
      '--delegation <domain>',
      'also check from the parent zone down that the domain leads here (repeatable)',
      collect(parseDomain),
    )
    .option('--resolver <addr:port>', 'ask this server first for --delegation', parseEndpoint);
  addApiFlags(addBusFlags(command))
    .option('--json', 'print one JSON document')
    .addHelpText('after', examples)
    .action((flags: DoctorFlags) =>
      withJsonErrors(terminal, flags.json, () =>
        doctor(flags, clusterOf(flags, command, terminal.env ?? {}, 'ignored'), terminal),
      ),
    );
}

async function doctor(
  flags: DoctorFlags,
  cluster: ClusterOptions | undefined,
  terminal: Terminal,
): Promise<void> {
  const findings = await examine(flags, terminal);
  if (cluster !== undefined) {
    // Loaded here: the client of Redis is not needed otherwise.
    const { checkCluster } = await import('./doctor/cluster.ts');
    findings.push(...(await checkCluster(cluster)));
  }
  const failed = findings.filter(({ status }) => status === 'fail').length;
  const warned = findings.filter(({ status }) => status === 'warn').length;
  if (flags.json === true) {
    printJson(terminal, { passed: failed === 0, failed, warned, findings });
  } else {
    const style = styleOf(terminal);
    for (const finding of findings) terminal.out(formatFinding(finding, style));
    terminal.out(`\n${counted(failed, 'failure')}, ${counted(warned, 'warning')}\n`);
  }
  if (failed > 0) throw new CommandEnd(exitCodes.refused);
}

async function examine(flags: DoctorFlags, terminal: Terminal): Promise<Finding[]> {
  const findings = [
    checkNode(process.versions.node),
    checkUdpBackend(chooseUdpIo().reason, whyNot('xdp')),
    checkReceiveBuffer(readText('/proc/sys/net/core/rmem_max')),
  ];
  const data = checkDataFolder(flags.data);
  const url = urlOf(flags, terminal);
  const named = flags.url !== undefined || Boolean(terminal.env?.['MERIDIAN_URL']);
  const node = await checkRunningNode(url, tokenOf(flags, terminal), named);
  const own = fileURLToPath(new URL('../../package.json', import.meta.url));
  findings.push(
    checkClock({
      nowMs: Date.now(),
      installedMs: statSync(own).mtimeMs,
      ...(data.revisionMs === undefined ? {} : { revisionMs: data.revisionMs }),
      ...(node.peerMs === undefined ? {} : { peerMs: node.peerMs }),
    }),
    ...(await portFindings(flags.dns, data.pid)),
    ...data.findings,
    ...node.findings,
    ...zoneFindings(flags.zones),
    ...(await checkGeo(
      flags.geo ?? [{ kind: 'country', path: embeddedCountryDatabase() }],
      Date.now(),
    )),
  );
  for (const domain of flags.delegation ?? []) {
    const resolver = flags.resolver ?? systemResolver();
    findings.push(...(await checkDelegation(domain, { ask: askDns, resolver, port: 53 })));
  }
  return findings;
}

/** Without addresses of its own: the usual ones, and 53 as what production needs. */
async function portFindings(
  asked: readonly Endpoint[] | undefined,
  ownPid: number | undefined,
): Promise<Finding[]> {
  const wanted = asked ?? [{ host: '127.0.0.1', port: 5300 }];
  const findings: Finding[] = [];
  for (const address of wanted) findings.push(await checkPort(address, claimAddresses, { ownPid }));
  if (asked === undefined) {
    const dns = { host: '127.0.0.1', port: 53 };
    findings.push(await checkPort(dns, claimAddresses, { ownPid, optional: true }));
  }
  return findings;
}

function zoneFindings(folder: string): Finding[] {
  const { ok, warn, fail } = findingsOf('zones');
  if (!existsSync(folder)) return [warn(`there is no folder ${folder}`, 'name it with --zones')];
  const { problems, counts } = checkFolder(folder);
  const errors = problems.filter(({ severity }) => severity !== 'warning');
  const held = `${counted(counts.zones, 'zone')}, ${counted(counts.records, 'record')}, ${counted(counts.services, 'service')}`;
  const rest = problems.length - 1;
  const more = rest > 0 ? ` (and ${counted(rest, 'more problem')})` : '';
  const remedy = `see \`meridian check ${folder}\``;
  if (errors[0] !== undefined) return [fail(`${formatProblem(errors[0])}${more}`, remedy)];
  if (problems[0] !== undefined) return [warn(`${formatProblem(problems[0])}${more}`, remedy)];
  return [ok(`${folder}: ${held}, no problems`)];
}

function tokenOf(flags: DoctorFlags, terminal: Terminal): string | undefined {
  try {
    return findToken(flags, terminal);
  } catch {
    return undefined;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function systemResolver(): Endpoint {
  const [first] = getServers();
  if (first === undefined) {
    const message = 'this system names no resolver; give one with --resolver ADDR:PORT';
    throw new MeridianError({ code: 'E_FLAG', message, where: '--resolver' });
  }
  return /^\[.*\]:\d+$|^[^:]+:\d+$/.test(first) ? parseEndpoint(first) : { host: first, port: 53 };
}

function parseDomain(text: string): string {
  let name: string;
  try {
    name = nameKey(text);
  } catch (error) {
    throw new InvalidArgumentError(`"${text}" is no domain name: ${errorText(error)}`);
  }
  if (name === '.') throw new InvalidArgumentError('the root is delegated by nobody');
  return name;
}

function formatFinding({ check, status, text, remedy }: Finding, style: Style): string {
  const paint = { ok: style.green, warn: style.yellow, fail: style.red }[status];
  const head = `${paint(status.padEnd(4))}  ${check.padEnd(10)}  ${clean(text)}\n`;
  return remedy === undefined ? head : `${head}${' '.repeat(18)}→ ${clean(remedy)}\n`;
}
