import { MeridianError } from '../../base/errors.ts';
import { silentLog } from '../../base/log.ts';
import { checkRedis, type RedisCheckup } from '../../cluster/redis-checkup.ts';
import { parseBusUrls } from '../../cluster/redis-url.ts';
import type { ClusterOptions } from '../cluster-flags.ts';
import { keysOf } from '../node/cluster-identity.ts';
import { type Finding, findingsOf } from './finding.ts';

const { ok, warn, fail } = findingsOf('cluster');

/** Looks at what a cluster needs: the key for the role, and a Redis that this user may use for it. */
export async function checkCluster(cluster: ClusterOptions): Promise<Finding[]> {
  const findings = [checkKey(cluster)];
  try {
    const { username, password } = cluster;
    const address = parseBusUrls(cluster.urls, {
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    const checkup = await checkRedis(address, cluster.name);
    findings.push(...judgeRedis(checkup, cluster));
  } catch (error) {
    if (!(error instanceof MeridianError)) throw error;
    findings.push(fail(error.problems[0]?.message ?? '', 'see `meridian serve --help`'));
  }
  return findings;
}

function checkKey(cluster: ClusterOptions): Finding {
  try {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
    keysOf(cluster, log);
    const [warning] = warnings;
    if (warning !== undefined) return warn(warning, 'keep the private key on controllers only');
    return ok(`${cluster.keyFile} holds the key for --role ${cluster.role}`);
  } catch (error) {
    if (!(error instanceof MeridianError)) throw error;
    const [what = '', remedy] = (error.problems[0]?.message ?? '').split('; ');
    return fail(`${cluster.keyFile}: ${what}`, remedy);
  }
}

/** What a look at Redis means for a role. */
export function judgeRedis(
  checkup: RedisCheckup,
  { role, name }: Pick<ClusterOptions, 'role' | 'name'>,
): Finding[] {
  const { server, failure, appendOnly, evictionPolicy, cannotFollow, cannotLead } = checkup;
  if (server === undefined) {
    return [fail(`Redis cannot be used: ${failure}`, remedyOf(failure ?? ''))];
  }
  const findings = [checkVersion(server)];
  if (appendOnly === false) {
    const text =
      'Redis does not write each change down (appendonly no); a restart of it costs seconds';
    findings.push(warn(text, 'set appendonly yes and appendfsync everysec'));
  }
  if (evictionPolicy !== undefined && evictionPolicy !== 'noeviction') {
    const text = `Redis throws keys away when its memory is full (maxmemory-policy ${evictionPolicy})`;
    findings.push(fail(text, 'set maxmemory-policy noeviction'));
  }
  const acl = 'see the ACL rules in docs/cluster.md';
  const cannot = (what: string, why: string) => {
    const who = why.includes('NOPERM') ? 'this Redis user' : 'a member of this Redis';
    return fail(`${who} cannot ${what} cluster "${name}": ${why}`, remedyOf(why));
  };
  if (cannotFollow !== undefined) findings.push(cannot('follow', cannotFollow));
  else if (role !== 'node' && cannotLead !== undefined) findings.push(cannot('lead', cannotLead));
  else if (role === 'node' && cannotLead === undefined) {
    const text =
      'this Redis user may do what only controllers need; a stolen node could hold the lease';
    findings.push(warn(text, `give nodes a user of their own; ${acl}`));
  } else findings.push(ok(`this Redis user may do what --role ${role} needs in cluster "${name}"`));
  return findings;
}

const remedies: readonly (readonly [RegExp, string])[] = [
  [/NOPERM/, 'see the ACL rules in docs/cluster.md'],
  [
    /WRONGPASS|NOAUTH/,
    'give the right user and password: in --redis, or as MERIDIAN_REDIS_USERNAME and MERIDIAN_REDIS_PASSWORD',
  ],
  [/OOM/, 'give Redis more maxmemory, or clear what else lies there'],
  [/READONLY/, 'name the master in --redis, or its sentinels (sentinel://…)'],
  [/MISCONF/, 'Redis cannot write to its disk: make room there'],
  [/LOADING/, 'Redis reads its files; wait, and look again'],
  [/certificate/, 'name the authority of its certificate with NODE_EXTRA_CA_CERTS'],
];

/** What to do about an error of Redis, or of the way there. */
function remedyOf(text: string): string {
  const known = remedies.find(([pattern]) => pattern.test(text));
  return known?.[1] ?? 'start it, or mend --redis and the way there';
}

function checkVersion({ name, version }: NonNullable<RedisCheckup['server']>): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const isRecent = name === 'Valkey' || major > 6 || (major === 6 && minor >= 2);
  if (isRecent) return ok(`${name} ${version} answers`);
  return fail(`${name} ${version} is too old`, 'run Redis 6.2 or later, or Valkey');
}
