import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { MeridianError } from '../../../src/base/errors.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { ClusterOptions } from '../../../src/cli/cluster-flags.ts';
import { keysOf, urlOf } from '../../../src/cli/node/cluster-identity.ts';
import { nodeIdOf } from '../../../src/cli/node/node-id.ts';
import { folderOf, run } from '../harness.ts';

const options = (more: Partial<ClusterOptions>): ClusterOptions => ({
  ...{ role: 'all', name: 'edge', urls: [], keyFile: '', nodeId: undefined },
  ...{ advertise: undefined, username: undefined, password: undefined },
  ...more,
});

test('nodeIdOf() keeps the id that it made, and takes the one that was chosen', (t) => {
  const folder = folderOf(t);
  assert.equal(nodeIdOf('fra-1', folder), 'fra-1');
  const made = nodeIdOf(undefined, folder);
  assert.match(made, /^[a-z0-9][a-z0-9.-]*-[0-9a-f]{8}$/);
  assert.equal(nodeIdOf(undefined, folder), made);
  assert.notEqual(nodeIdOf(undefined, folderOf(t)), made);
});

test('meridian cluster-key makes a pair that fits both roles, and never replaces one', async (t) => {
  const folder = join(folderOf(t), 'keys');
  const made = await run(['cluster-key', folder]);
  assert.equal(made.code, 0, made.err);
  const [key, pub] = [join(folder, 'cluster.key'), join(folder, 'cluster.pub')];
  const signing = keysOf(options({ keyFile: key }), silentLog);
  const verifying = keysOf(options({ role: 'node', keyFile: pub }), silentLog);
  const bytes = Buffer.from('a change');
  const signature = signing.sign?.(bytes) ?? new Uint8Array();
  assert.equal(verifying.verify(bytes, signature), true);
  assert.equal(verifying.verify(Buffer.from('another'), signature), false);
  const again = await run(['cluster-key', folder]);
  assert.equal(again.code, 1);
  assert.match(again.err, /is there already.*\(E_CLUSTER_KEY\)/);
});

test('keysOf() refuses a key that does not fit the role, and takes a private one from nodes', async (t) => {
  const folder = join(folderOf(t), 'keys');
  await run(['cluster-key', folder]);
  const refused = (wish: Partial<ClusterOptions>, pattern: RegExp) =>
    assert.throws(
      () => keysOf(options(wish), silentLog),
      (error) => error instanceof MeridianError && pattern.test(error.message),
    );
  refused({ keyFile: join(folder, 'cluster.pub') }, /this is the public key; give it cluster\.key/);
  refused({ keyFile: join(folder, 'none') }, /cannot be read.*make a pair/);
  writeFileSync(join(folder, 'text'), 'hello');
  refused({ keyFile: join(folder, 'text') }, /E_CLUSTER_KEY/);
  const warnings: string[] = [];
  const log = { ...silentLog, warn: (_: object, text: string) => void warnings.push(text) };
  const keys = keysOf(options({ role: 'node', keyFile: join(folder, 'cluster.key') }), log);
  assert.equal(keys.sign, undefined);
  assert.match(warnings.join(), /which a node does not need/);
});

test('urlOf() is what was advertised, else the listener where that is one address', () => {
  const at = (host: string) => ({ host, port: 8053 });
  assert.equal(urlOf(options({}), at('192.0.2.7'), false, silentLog), 'http://192.0.2.7:8053');
  assert.equal(urlOf(options({}), at('192.0.2.7'), true, silentLog), 'https://192.0.2.7:8053');
  assert.equal(
    urlOf(options({}), at('2001:db8::7'), false, silentLog),
    'http://[2001:db8::7]:8053',
  );
  assert.equal(urlOf(options({}), at('0.0.0.0'), false, silentLog), '');
  const chosen = options({ advertise: 'https://c1.example.net' });
  assert.equal(urlOf(chosen, at('0.0.0.0'), false, silentLog), 'https://c1.example.net');
  assert.equal(urlOf(options({ role: 'node' }), at('192.0.2.7'), false, silentLog), '');
});
