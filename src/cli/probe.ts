import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { rootCertificates } from 'node:tls';
import { type Command, Option } from 'commander';
import { Agent as HttpAgent } from 'undici';
import { systemClock } from '../base/clock.ts';
import { errorText, MeridianError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Random } from '../base/random.ts';
import { enrol } from '../probe/control-client.ts';
import { type Identity, keepEnrolment, openIdentity, unheededWishes } from '../probe/identity.ts';
import { startRemoteAgent } from '../probe/remote-agent.ts';
import { parseUrl } from './api-client.ts';
import { collect } from './flags.ts';
import { CommandEnd, exitCodes, type Terminal } from './program.ts';
import { openLog, surviveBugs } from './serve.ts';
import { untilStopped } from './until-stopped.ts';

/** What commander hands over for `probe`. */
interface ProbeFlags {
  readonly control: readonly string[];
  readonly token?: string;
  readonly key?: string;
  readonly location: string;
  readonly region?: string;
  readonly name?: string;
  readonly data: string;
  readonly ca?: string;
  readonly plainHttp?: boolean;
  readonly allowPrivateTargets?: boolean;
  readonly allowExec?: boolean;
  readonly logLevel: string;
  readonly json?: boolean;
}

const examples = `
Examples:
  $ meridian probe --control https://control.example.com --token mrd_… --location aws:eu-west-1
  $ meridian probe --control https://a.example.com --control https://b.example.com --location iata:FRA

The first start makes a key in the data folder and enrols it with the token; later starts need none.
A token for this is made with the scope agent:enroll, or agent:enroll:once for one agent.

Environment: MERIDIAN_TOKEN is the token where --token is absent.`;

/** Adds `meridian probe`. */
export function registerProbe(program: Command, terminal: Terminal, version: string): void {
  program
    .command('probe')
    .description('Check targets from here, and report to controllers')
    .requiredOption('--control <url>', 'API of a controller (repeatable)', collect(parseUrl))
    .option('--token <token>', 'enrols this agent at its first start (default: $MERIDIAN_TOKEN)')
    .option('--key <file>', 'Ed25519 key (PEM) to use instead of one in the data folder')
    .requiredOption('--location <place>', 'where this is: aws:eu-west-1, iata:FRA, "52.5,13.4"')
    .option(
      '--region <name>',
      'agent region, of those that can fail together (default: the location)',
    )
    .option('--name <name>', 'name of this agent (default: made by the controller)')
    .option('--data <dir>', 'folder of the key and the name', 'agent')
    .option('--ca <file>', 'certificates (PEM) to trust besides the usual ones')
    .option('--plain-http', 'let controllers be spoken to without TLS beyond this machine')
    .option('--allow-private-targets', 'let checks reach loopback and private addresses')
    .option('--allow-exec', 'let exec monitors run commands, with the rights of this process')
    .addOption(
      new Option('--log-level <level>', 'how much to log')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .option('--json', 'print one line of JSON when enrolled, and the log as JSON')
    .addHelpText('after', examples)
    .action((flags: ProbeFlags) => probe(flags, terminal, version));
}

async function probe(flags: ProbeFlags, terminal: Terminal, version: string): Promise<void> {
  for (const url of flags.control) refusePlainHttp(url, flags.plainHttp === true);
  const log = openLog(flags.logLevel, flags.json === true);
  const folder = resolve(flags.data);
  const identity = openIdentity(folder, flags.key);
  const dispatcher = openDispatcher(flags.ca);
  let isRefused = false;
  let giveUp = () => {};
  const refused = new Promise<void>((done) => {
    giveUp = () => {
      isRefused = true;
      done();
    };
  });
  const stopped = untilStopped(refused);
  const stopping = new AbortController();
  void stopped.then(() => stopping.abort());
  let agent = identity.name;
  try {
    agent ??= await enrolSomewhere(flags, terminal, identity, dispatcher, log, stopping);
  } catch (error) {
    giveUp();
    throw error;
  }
  if (agent === undefined) return;
  if (identity.name === undefined) keepEnrolment(folder, identity, agent, flags.location);
  else warnOfOtherWishes(flags, identity, agent, log);
  const controls = flags.control.map((url) => url.replace(/\/+$/, ''));
  const { location = flags.location } = identity;
  if (flags.json === true) terminal.out(`${JSON.stringify({ agent, location, controls })}\n`);
  else log.info({ agent }, `agent ${agent} in ${location} reports to ${controls.join(', ')}`);
  surviveBugs(log);
  const close = startRemoteAgent({
    agent,
    key: identity.key,
    controls,
    dispatcher,
    clock: systemClock,
    random: new Random(Date.now() ^ process.pid),
    log,
    version,
    allowPrivateTargets: flags.allowPrivateTargets === true,
    allowExec: flags.allowExec === true,
    onRefused: giveUp,
  });
  await stopped;
  close();
  void dispatcher.destroy();
  if (!isRefused) return;
  log.error({ agent }, refusedText(agent, folder));
  throw new CommandEnd(exitCodes.refused);
}

function refusedText(agent: string, folder: string): string {
  const why = `every controller refuses agent ${agent}: it was revoked or removed`;
  return `${why}; to enrol it anew remove ${folder} and start it with a token`;
}

/** What an agent is stands with the controllers: flags say it at the first start alone. */
function warnOfOtherWishes(flags: ProbeFlags, identity: Identity, agent: string, log: Log): void {
  const wishes = unheededWishes(identity, flags);
  if (wishes.length === 0) return;
  const remedy = `PATCH /v1/agents/${agent} moves it, and another --data makes another agent`;
  const text = `this is agent ${agent}, enrolled before: ${wishes.join(' and ')} changes nothing; ${remedy}`;
  log.warn({ agent }, text);
}

const retryMs = 2000;

/** Enrols with the first controller that answers; undefined when it was stopped meanwhile. */
async function enrolSomewhere(
  flags: ProbeFlags,
  terminal: Terminal,
  { publicKey }: Identity,
  dispatcher: HttpAgent,
  log: Log,
  stopping: AbortController,
): Promise<string | undefined> {
  const token = readToken(flags, terminal);
  if (token === undefined) {
    // A key of the operator's own may be enrolled already: then its name says who this is.
    if (flags.key !== undefined && flags.name !== undefined) return flags.name;
    const message =
      'this agent is not enrolled, and there is no token: set --token or MERIDIAN_TOKEN to one of the scope agent:enroll';
    throw new MeridianError({ code: 'E_TOKEN_MISSING', message });
  }
  const wish = {
    location: flags.location,
    publicKey,
    ...(flags.region === undefined ? {} : { region: flags.region }),
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
  const said = new Set<string>();
  while (!stopping.signal.aborted) {
    for (const url of flags.control) {
      try {
        return await enrol(url.replace(/\/+$/, ''), token, wish, dispatcher, stopping.signal);
      } catch (error) {
        if (stopping.signal.aborted) return undefined;
        const isPassing =
          error instanceof MeridianError && ['E_API_UNREACHABLE', 'E_BUSY'].includes(error.code);
        if (!isPassing) throw error;
        const text = `cannot enrol yet: ${errorText(error)}; trying again`;
        if (!said.has(text)) log.warn({ url }, text);
        said.add(text);
      }
    }
    await new Promise<void>((done) => {
      const cancel = systemClock.setTimer(retryMs, done);
      stopping.signal.addEventListener('abort', () => {
        cancel();
        done();
      });
    });
  }
  return undefined;
}

/** Over plain HTTP everybody on the way reads the plan, and may answer in a controller's stead. */
function refusePlainHttp(url: string, isAllowed: boolean): void {
  const { protocol, hostname } = new URL(url);
  const isLoopback = /^(127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/.test(hostname);
  if (protocol === 'https:' || isLoopback || isAllowed) return;
  const message = `${url} is not HTTPS; use https://, or --plain-http where the way is safe by itself`;
  throw new MeridianError({ code: 'E_PROBE_CONTROL', message, where: '--control' });
}

/** Connections to controllers: one for reports and one for the plan each, kept open. */
function openDispatcher(caFile: string | undefined): HttpAgent {
  return new HttpAgent({
    connections: 4,
    keepAliveTimeout: 60_000,
    ...(caFile === undefined
      ? {}
      : { connect: { ca: [...rootCertificates, readAuthorities(caFile)], timeout: 5000 } }),
  });
}

/** The text of a file of certificates. Throws `E_FLAG` for one that cannot be read or holds none. */
function readAuthorities(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    // TLS would pass over what is none, and then trust nobody.
    new X509Certificate(text);
    return text;
  } catch (error) {
    const message = `${file} holds no certificates that can be read (${errorText(error)}); name a PEM file of those to trust`;
    throw new MeridianError({ code: 'E_FLAG', message, where: '--ca' }, { cause: error });
  }
}

/** The token of flag or environment; undefined where there is none. Throws `E_FLAG` for what is none. */
function readToken(flags: ProbeFlags, terminal: Terminal): string | undefined {
  const where = flags.token === undefined ? 'MERIDIAN_TOKEN' : '--token';
  // Files of secrets often end with a newline.
  const token = (flags.token ?? terminal.env?.['MERIDIAN_TOKEN'] ?? '').trim();
  if (/^[\x21-\x7e]*$/.test(token)) return token === '' ? undefined : token;
  const message =
    'the token holds a space or what is no visible ASCII character; give it as it was shown';
  throw new MeridianError({ code: 'E_FLAG', message, where });
}
