import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command } from 'commander';
import { addClusterFlags, type ClusterFlags, clusterOptions } from '../../src/cli/cluster-flags.ts';

/** The options that the flags of `serve` lead to; throws with the message of a refusal. */
function parse(...words: readonly string[]) {
  const said: string[] = [];
  const command = addClusterFlags(new Command('serve').exitOverride())
    .option('--zones <dir>', '', 'zones')
    .option('--dns <addr>', '')
    .configureOutput({ writeErr: (text) => said.push(text) });
  try {
    command.parse(words, { from: 'user' });
  } catch {
    throw new Error(said.join(''));
  }
  const flags = command.opts<ClusterFlags>();
  const isGiven = (flag: string) => {
    const option = command.options.find(({ long }) => long === flag);
    return option !== undefined && command.getOptionValueSource(option.attributeName()) === 'cli';
  };
  const env = { MERIDIAN_REDIS_USERNAME: 'node', MERIDIAN_REDIS_PASSWORD: 'secret' };
  const refuse = (reason: string): never => {
    throw new Error(reason);
  };
  return clusterOptions(flags, isGiven, env, refuse);
}

const bus = ['--redis', 'redis://192.0.2.1:6379', '--cluster-key', 'cluster.key'];

test('clusterOptions() has nothing to say of a process of its own', () => {
  assert.equal(parse(), undefined);
  assert.equal(parse('--role', 'all', '--zones', 'here'), undefined);
});

test('clusterOptions() gathers what a cluster needs', () => {
  assert.deepEqual(parse(...bus, '--advertise', 'http://192.0.2.7:8053/', '--node-id', 'fra-1'), {
    role: 'all',
    name: 'meridian',
    urls: ['redis://192.0.2.1:6379'],
    keyFile: 'cluster.key',
    nodeId: 'fra-1',
    advertise: 'http://192.0.2.7:8053',
    username: 'node',
    password: 'secret',
  });
  const two = parse(...bus, '--redis', 'rediss://192.0.2.2:6380', '--cluster', 'edge');
  assert.deepEqual(two?.urls, ['redis://192.0.2.1:6379', 'rediss://192.0.2.2:6380']);
  assert.equal(two.name, 'edge');
});

const refused: readonly (readonly [RegExp, readonly string[]])[] = [
  [/--role node needs a cluster; name its Redis with --redis URL/, ['--role', 'node']],
  [/--role controller needs a cluster/, ['--role', 'controller']],
  [/--cluster means nothing without --redis/, ['--cluster', 'edge']],
  [/--cluster-key means nothing without --redis/, ['--cluster-key', 'x']],
  [/--node-id means nothing without --redis/, ['--node-id', 'x']],
  [/--advertise means nothing without --redis/, ['--advertise', 'http://192.0.2.7']],
  [/a cluster needs a key; make a pair with "meridian cluster-key/, bus.slice(0, 2)],
  [/--zones does not go with --role node/, [...bus, '--role', 'node', '--zones', 'zones']],
  [
    /--advertise does not go with --role node/,
    [...bus, '--role', 'node', '--advertise', 'http://x'],
  ],
  [/--dns does not go with --role controller/, [...bus, '--role', 'controller', '--dns', 'x']],
  [/Allowed choices are all, controller, node/, ['--role', 'leader']],
  [/begins with redis:\/\//, ['--redis', 'http://192.0.2.1']],
  [/"a\{b" is not 1 to 63 of/, [...bus, '--cluster', 'a{b']],
  [/"A" is not 1 to 63 of/, [...bus, '--node-id', 'A']],
  [/is not a URL as/, [...bus, '--advertise', 'http://192.0.2.7/path']],
];

test('clusterOptions() and its flags refuse what does not fit together, and say what to do', () => {
  for (const [pattern, words] of refused) {
    assert.throws(() => parse(...words), pattern, words.join(' '));
  }
});

test('--redis takes every scheme that docs/cluster.md names', () => {
  const schemes = ['redis', 'rediss', 'sentinel', 'sentinels', 'cluster', 'clusters'];
  for (const url of schemes.map((scheme) => `${scheme}://192.0.2.1:6379`)) {
    assert.deepEqual(parse('--redis', url, '--cluster-key', 'cluster.key')?.urls, [url]);
  }
});

test('--redis never repeats a malformed URL, which may hold a password', () => {
  assert.throws(
    () => parse('--redis', 'http://user:geheim@192.0.2.1'),
    (error: Error) => /begins with/.test(error.message) && !error.message.includes('geheim'),
  );
});
