import { type Command, InvalidArgumentError, Option } from 'commander';

/** What a process is in a cluster; outside of one it is `all`. */
export type Role = 'all' | 'controller' | 'node';

/** Where a cluster is, and who this process is in it. */
export interface ClusterOptions {
  readonly role: Role;
  readonly name: string;
  /** As given; `cluster/redis-bus.ts` reads them. */
  readonly urls: readonly string[];
  readonly keyFile: string;
  /** Absent: made at the first start and kept in the data directory. */
  readonly nodeId: string | undefined;
  /** Where other controllers reach this API; absent: as it is bound, where that is one address. */
  readonly advertise: string | undefined;
  /** ACL user of Redis, where the URLs name none. */
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** What commander hands over of the flags that `addClusterFlags` adds. */
export interface ClusterFlags {
  readonly role: Role;
  readonly redis?: readonly string[];
  readonly cluster?: string;
  readonly clusterKey?: string;
  readonly nodeId?: string;
  readonly advertise?: string;
}

/** The cluster that is meant where none is named. */
export const defaultCluster = 'meridian';

/** Adds the flags that find a cluster; `doctor` has them, too. */
export function addBusFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--role <role>', 'controller and DNS, controller alone, or DNS alone')
        .choices(['all', 'controller', 'node'])
        .default('all'),
    )
    .option(
      '--redis <url>',
      'share one configuration with other processes over Redis or Valkey: redis://host:port, ' +
        'sentinel://host:port,…/name or cluster://host:port,…; over TLS rediss://, sentinels://, ' +
        'clusters:// (repeatable)',
      busUrlCollector(command),
    )
    .option('--cluster <name>', `the cluster's name (default: ${defaultCluster})`, parseCluster)
    .option(
      '--cluster-key <file>',
      'PEM file with the key that the cluster signs with: private on controllers, public on nodes',
    );
}

/** Adds every flag of a cluster. */
export function addClusterFlags(command: Command): Command {
  return addBusFlags(command)
    .option(
      '--node-id <id>',
      'this process in the cluster (default: made once and kept in the data folder)',
      parseNodeId,
    )
    .option(
      '--advertise <url>',
      'where other controllers reach this API (default: --http, where that is one address)',
      parseAdvertise,
    );
}

/**
 * The cluster that the flags of a command describe; ends the command where they do not fit together, or
 * where they do not go with `others`, flags of the command that have nothing to do with a cluster.
 */
export function clusterOf(
  flags: ClusterFlags,
  command: Command,
  env: Readonly<Record<string, string | undefined>>,
  others: 'checked' | 'ignored' = 'checked',
): ClusterOptions | undefined {
  const isGiven = (name: string) => {
    if (others === 'ignored' && name in whyNot) return false;
    const option = command.options.find(({ long }) => long === name);
    return option !== undefined && command.getOptionValueSource(option.attributeName()) === 'cli';
  };
  return clusterOptions(flags, isGiven, env, (reason) => command.error(`error: ${reason}`));
}

/**
 * The cluster that the flags describe; undefined for a process of its own. `refuse` is called with what
 * does not fit together, and throws. `isGiven` tells flags that were written from defaults.
 */
export function clusterOptions(
  flags: ClusterFlags,
  isGiven: (name: string) => boolean,
  env: Readonly<Record<string, string | undefined>>,
  refuse: (reason: string) => never,
): ClusterOptions | undefined {
  const { role, redis, clusterKey } = flags;
  if (redis === undefined) {
    if (role !== 'all') {
      refuse(`--role ${role} needs a cluster; name its Redis with --redis URL`);
    }
    const names = ['--cluster', '--cluster-key', '--node-id', '--advertise'];
    const stray = names.find((name) => isGiven(name));
    if (stray !== undefined) refuse(`${stray} means nothing without --redis URL`);
    return undefined;
  }
  if (clusterKey === undefined) {
    refuse(
      'a cluster needs a key; make a pair with "meridian cluster-key DIR", give controllers ' +
        '--cluster-key DIR/cluster.key and nodes --cluster-key DIR/cluster.pub',
    );
  }
  if (role === 'node') refuseGiven(['--zones', '--demo', '--advertise'], 'node', isGiven, refuse);
  if (role === 'controller') {
    refuseGiven(['--dns', '--workers', '--io', '--anycast-hook'], 'controller', isGiven, refuse);
  }
  return {
    role,
    name: flags.cluster ?? defaultCluster,
    urls: redis,
    keyFile: clusterKey ?? '',
    nodeId: flags.nodeId,
    advertise: flags.advertise,
    username: env['MERIDIAN_REDIS_USERNAME'],
    password: env['MERIDIAN_REDIS_PASSWORD'],
  };
}

const whyNot: Readonly<Record<string, string>> = {
  '--zones': 'a node gets its zones from the controllers',
  '--demo': 'a node gets its services from the controllers',
  '--advertise': 'nobody sends writes to a node',
  '--dns': 'a controller answers no queries',
  '--workers': 'a controller answers no queries',
  '--io': 'a controller answers no queries',
  '--anycast-hook': 'a controller answers no queries',
};

function refuseGiven(
  names: readonly string[],
  role: Role,
  isGiven: (name: string) => boolean,
  refuse: (reason: string) => never,
): void {
  const name = names.find((each) => isGiven(each));
  if (name === undefined) return;
  refuse(`${name} does not go with --role ${role}: ${whyNot[name]}; leave it out`);
}

/**
 * Errors go out by `command.error`: an InvalidArgumentError would repeat the text, which may hold a
 * password.
 */
function busUrlCollector(command: Command) {
  return (text: string, before: readonly string[] = []): readonly string[] => {
    if (/^(redis|sentinel|cluster)s?:\/\/./.test(text)) return [...before, text];
    return command.error(
      "error: option '--redis <url>': it begins with redis://, sentinel:// or cluster:// (over TLS: " +
        'rediss://, sentinels://, clusters://), as redis://192.0.2.1:6379',
    );
  };
}

function parseCluster(text: string): string {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(`"${text}" is not 1 to 63 of a-z, 0-9 and inner hyphens`);
}

function parseNodeId(text: string): string {
  if (/^[a-z0-9][a-z0-9.-]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError(`"${text}" is not 1 to 63 of a-z, 0-9, dots and hyphens`);
}

function parseAdvertise(text: string): string {
  const url = URL.parse(text);
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:';
  if (url !== null && isHttp && url.pathname === '/' && url.username === '') return url.origin;
  throw new InvalidArgumentError(`"${text}" is not a URL as http://192.0.2.7:8053`);
}
