import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import pino from 'pino';
import { PinoPretty as pretty } from 'pino-pretty';
import { type ApiCertificate, readCertificate } from '../api/api-certificate.ts';
import { MeridianError } from '../base/errors.ts';
import { type Prefix, parsePrefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { type UdpIo, udpIos } from '../server/open-udp.ts';
import {
  addClusterFlags,
  type ClusterFlags,
  type ClusterOptions,
  clusterOf,
} from './cluster-flags.ts';
import { startDemo } from './demo.ts';
import { FirstToken, tokenFileName } from './first-token.ts';
import {
  collect,
  type Endpoint,
  type GeoFlag,
  parseCount,
  parseEndpoint,
  parseGeoFlag,
  parseText,
} from './flags.ts';
import { logLine } from './log-line.ts';
import type { Terminal } from './program.ts';
import { addProtectionFlags, type ProtectionFlags, protectionOptions } from './protection-flags.ts';
import { findPredecessor } from './restart/predecessor.ts';
import { refuseRestarts, serveUntilEnd } from './restart/serve-until-end.ts';
import { notifyReady } from './restart/service-manager.ts';
import type { RunningNode } from './start-node.ts';

/** What commander hands over for `serve`. */
interface ServeFlags extends ProtectionFlags, ClusterFlags {
  readonly zones: string;
  readonly data: string;
  readonly dns?: readonly Endpoint[];
  readonly http: Endpoint;
  readonly httpCert?: string;
  readonly httpKey?: string;
  readonly geo?: readonly GeoFlag[];
  readonly workers: number;
  readonly io?: UdpIo;
  readonly nsid?: string;
  readonly versionBind?: string;
  readonly serverId?: string;
  readonly anycastHook?: string;
  readonly ecs: boolean;
  readonly ecsFrom?: readonly Prefix[];
  readonly allowPrivateTargets?: boolean;
  readonly allowExec?: boolean;
  readonly host?: readonly string[];
  readonly openMetrics?: boolean;
  readonly logLevel: string;
  readonly demo?: boolean;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ meridian serve                                     zones/ on 127.0.0.1:5300, API on 127.0.0.1:8053
  $ meridian serve --dns 192.0.2.53:53 --dns [2001:db8::53]:53 --data /var/lib/meridian
  $ meridian serve --geo city=geodata/GeoLite2-City.mmdb --geo asn=geodata/GeoLite2-ASN.mmdb

The first start fills an empty data directory from the zones folder; from then on the data directory
is the truth, and \`meridian apply\` brings changes of the folder in.

Environment: MERIDIAN_ADMIN_TOKEN sets the admin token; without it the first start makes one, prints it
and keeps it in DATA/admin.token (mode 0600) for the other commands.`;

/** Adds `meridian serve`. */
export function registerServe(program: Command, terminal: Terminal, version: string): void {
  const command = program
    .command('serve')
    .description('Answer DNS queries, check health and offer the admin API')
    .option('--zones <dir>', 'folder of *.zone files and traffic.yaml', 'zones')
    .option('--data <dir>', 'folder of the store: revisions, tokens, health', 'data')
    .option(
      '--dns <addr:port>',
      'serve DNS here over UDP and TCP (repeatable; default 127.0.0.1:5300)',
      collect(parseEndpoint),
    )
    .addOption(
      new Option('--http <addr:port>', 'offer the admin API here')
        .argParser(parseEndpoint)
        .default(parseEndpoint('127.0.0.1:8053'), '127.0.0.1:8053'),
    )
    .option(
      '--http-cert <file>',
      'offer the API over TLS: PEM file with the certificate and its chain, read again when it changes',
    )
    .option('--http-key <file>', 'PEM file with the key of --http-cert')
    .option(
      '--geo <kind=file>',
      'city, country or asn database in MMDB format (repeatable; default: the embedded country data)',
      collect(parseGeoFlag),
    )
    .addOption(
      new Option('--workers <n>', 'threads that answer over UDP')
        .argParser(parseCount(1, 256))
        .default(availableParallelism(), 'one per core'),
    )
    .addOption(
      new Option(
        '--io <how>',
        'how UDP packets move: in batches through the addon, in batches off the interface (AF_XDP), or through node:dgram (default: batch where the addon is built)',
      ).choices(udpIos),
    )
    .option(
      '--nsid <text>',
      'name this node to resolvers that ask (RFC 5001)',
      parseText(limits.nsidBytes),
    )
    .option('--version-bind <text>', 'answer CH TXT version.bind with this', parseText(255))
    .option('--server-id <text>', 'answer CH TXT id.server with this', parseText(255))
    .option(
      '--anycast-hook <program>',
      'run this with "up" or "down" when the node begins or ceases to answer, to announce or withdraw its route',
    )
    .option('--no-ecs', 'ignore client subnets (RFC 7871); the resolver is the client')
    .option(
      '--ecs-from <cidr>',
      'believe client subnets of these resolvers only (repeatable)',
      collect(parsePrefixFlag),
    );
  addProtectionFlags(addClusterFlags(command))
    .option('--allow-private-targets', 'let health checks reach loopback and private addresses')
    .option('--allow-exec', 'let exec monitors run commands, with the rights of this process')
    .option(
      '--host <name>',
      'another name under which the API may be called (repeatable)',
      collect((text) => text),
    )
    .option('--open-metrics', 'offer /metrics to everybody, not only to loopback')
    .addOption(
      new Option('--log-level <level>', 'how much to log')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .option('--demo', 'start six small origins on 127.0.1.1 to 127.0.1.6 for zones/traffic.yaml')
    .option('--json', 'print one line of JSON when ready, and the log as JSON')
    .addHelpText('after', examples)
    .action((flags: ServeFlags) =>
      serve(flags, clusterOf(flags, command, process.env), terminal, version),
    );
}

async function serve(
  flags: ServeFlags,
  cluster: ClusterOptions | undefined,
  terminal: Terminal,
  version: string,
): Promise<void> {
  // Loaded here, so that the other commands start without the server.
  const { startNode } = await import('./start-node.ts');
  const log = openLog(flags.logLevel, flags.json === true);
  const data = resolve(flags.data);
  const predecessor = findPredecessor();
  const signals = refuseRestarts(data);
  const demo = flags.demo === true ? await startDemo() : undefined;
  let node: RunningNode;
  try {
    node = await startNode({
      zones: resolve(flags.zones),
      data,
      dns: cluster?.role === 'controller' ? [] : (flags.dns ?? [{ host: '127.0.0.1', port: 5300 }]),
      http: flags.http,
      certificate: certificateOf(flags),
      geo: flags.geo ?? [],
      workers: flags.workers,
      io: flags.io,
      nsid: flags.nsid,
      versionBind: flags.versionBind,
      serverId: flags.serverId,
      anycastHook: flags.anycastHook,
      cluster,
      ecs: {
        allow: flags.ecs,
        ...(flags.ecsFrom === undefined ? {} : { from: flags.ecsFrom }),
      },
      protection: protectionOptions(flags),
      allowPrivateTargets: flags.allowPrivateTargets === true || demo !== undefined,
      allowExec: flags.allowExec === true,
      adminToken: process.env['MERIDIAN_ADMIN_TOKEN'],
      hosts: flags.host ?? [],
      openMetrics: flags.openMetrics === true,
      version,
      ...(predecessor === undefined ? {} : { predecessor }),
      log,
    });
  } catch (error) {
    await demo?.close();
    throw error;
  }
  surviveBugs(log);
  await notifyReady(process.pid);
  signals.close();
  // Before it says that it is ready: whoever then ends it finds it doing so in order.
  const ended = serveUntilEnd(node, { data, log, whyNotRestart: whyNotRestart(flags) });
  const tokenFile = join(data, tokenFileName);
  if (node.newToken !== undefined) new FirstToken(data, log).keep(node.newToken);
  if (flags.json === true) {
    const { dns, http, url, newToken } = node;
    const ready = { dns, http, url, revision: node.configuration.revision };
    terminal.out(
      `${JSON.stringify(newToken === undefined ? ready : { ...ready, token: newToken })}\n`,
    );
  } else {
    terminal.out(greeting(node, tokenFile, flags.dns === undefined && flags.demo === true));
  }
  await ended;
  await node.close();
  await demo?.close();
}

/** The certificate that the flags name; throws MeridianError where it cannot be used. */
function certificateOf({ httpCert: cert, httpKey: key }: ServeFlags): ApiCertificate | undefined {
  if (cert === undefined && key === undefined) return undefined;
  if (cert !== undefined && key !== undefined) {
    return readCertificate({ cert: resolve(cert), key: resolve(key) });
  }
  const [given, other] =
    key === undefined ? ['--http-cert', '--http-key'] : ['--http-key', '--http-cert'];
  const message = `${given} needs ${other} beside it`;
  throw new MeridianError({ code: 'E_FLAG', message, where: given });
}

/** Why a process with these flags cannot be replaced by another while it serves. */
function whyNotRestart({ demo, io }: ServeFlags): string | undefined {
  if (demo === true)
    return 'the origins of --demo end with their process; stop it and start it anew';
  if (io !== 'xdp') return undefined;
  return 'an interface is served by one process at a time with --io xdp; stop it and start it anew';
}

function parsePrefixFlag(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix !== undefined) return prefix;
  throw new InvalidArgumentError(`"${text}" is not a prefix; write one as 192.0.2.0/24`);
}

/** The log goes to standard error: JSON for machines, one sentence a line for people. */
export function openLog(level: string, json: boolean): Log {
  const destination = json
    ? pino.destination({ fd: 2, sync: true })
    : pretty({
        destination: 2,
        sync: true,
        hideObject: true,
        messageFormat: (entry, key) => logLine(entry, String(entry[key] ?? '')),
        translateTime: 'SYS:HH:MM:ss.l',
        colorize: process.stderr.isTTY && process.env['NO_COLOR'] === undefined,
      });
  return pino({ level, base: null }, destination);
}

/**
 * A bug outside the query path must not end the process: the workers answer on, from the last image
 * (invariant 10).
 */
export function surviveBugs(log: Log): void {
  const note = (error: unknown) => {
    const stack = error instanceof Error ? error.stack : String(error);
    try {
      log.error({ stack }, `this is a bug; answering goes on: ${stack}`);
    } catch {
      // Whoever read the log is gone (EPIPE); an error thrown here would end the process.
    }
  };
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
}

function greeting(node: RunningNode, tokenFile: string, demo: boolean): string {
  const { zones, traffic } = node.configuration;
  const dns = node.dns[0] ?? '';
  const colon = dns.lastIndexOf(':');
  const at = `@${dns.slice(0, colon).replace(/[[\]]/g, '')} -p ${dns.slice(colon + 1)}`;
  const lines = [
    '',
    `  Meridian serves revision ${node.configuration.revision}: ${zones.size} zone${zones.size === 1 ? '' : 's'} ` +
      `(${[...zones.keys()].slice(0, 5).join(' ')}${zones.size > 5 ? ' …' : ''}), ` +
      `${traffic.services.size} services in ${traffic.regions.size} regions`,
    '',
    `  DNS    ${node.dns.length === 0 ? 'none: a controller answers no queries' : node.dns.join('  ')}`,
    `  API    ${node.url}/docs`,
    `  Token  ${tokenLine(node.newToken, tokenFile, process.env['MERIDIAN_ADMIN_TOKEN'])}`,
    '',
  ];
  if (demo) lines.push(...demoHints(at, node.url, tokenFile));
  return `${lines.join('\n')}\n`;
}

/** What the greeting says of the admin token: a new one, or where to find the one that there is. */
export function tokenLine(
  newToken: string | undefined,
  tokenFile: string,
  chosen: string | undefined,
): string {
  if (newToken !== undefined)
    return `${newToken}\n         also in ${tokenFile}; it is not shown again`;
  if (chosen) return 'what MERIDIAN_ADMIN_TOKEN says';
  return existsSync(tokenFile)
    ? `as before, in ${tokenFile}`
    : 'as before; it was shown at the first start';
}

function demoHints(at: string, url: string, tokenFile: string): readonly string[] {
  return [
    '  Three things to try in another terminal:',
    '',
    '  1. An answer by place: the same name for a client in Germany, India and California',
    `       dig ${at} www.example.com +short +subnet=91.0.0.0/24`,
    `       dig ${at} www.example.com +short +subnet=49.36.0.0/24`,
    `       dig ${at} www.example.com +short +subnet=128.32.0.0/24`,
    '',
    '  2. Stop an origin, see the answer change within five seconds, and start it again: it is back',
    '     half a minute after it went, and takes its clients over three minutes',
    '       curl -X POST http://127.0.0.1:18080/stop/eu-west',
    `       watch -n1 dig ${at} www.example.com +short +subnet=91.0.0.0/24`,
    '       curl -X POST http://127.0.0.1:18080/start/eu-west',
    '',
    '  3. Ask why',
    '       npx meridian explain www.example.com --client 91.0.0.1',
    `       curl -H "Authorization: Bearer $(cat ${tokenFile})" \\`,
    `         "${url}/v1/explain?name=www.example.com&type=A&client=91.0.0.1"`,
    '',
    '  Ctrl-C stops everything.',
    '',
  ];
}
