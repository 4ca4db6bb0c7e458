import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import type { ClusterOptions, Role } from '../../../src/cli/cluster-flags.ts';
import { checkCluster, judgeRedis } from '../../../src/cli/doctor/cluster.ts';
import { generateClusterKeys } from '../../../src/cluster/keys.ts';
import { startRedis } from '../../e2e/support/cluster.ts';
import { freePort, missing } from '../../e2e/support/processes.ts';
import { folderOf } from '../harness.ts';

const skip = missing('redis-server', 'redis-cli');

/** The users that docs/cluster.md tells operators to make. */
function documentedUsers(): string {
  const page = readFileSync(resolve(import.meta.dirname, '../../../docs/cluster.md'), 'utf8');
  const [, rules = ''] = /^```acl\n([\s\S]*?)^```/m.exec(page) ?? [];
  assert.match(rules, /^user node on /m);
  return rules.replaceAll('PASSWORD', 'secret');
}

test('the ACL rules of docs/cluster.md are what each role needs, and no more for nodes', {
  skip,
}, async (t) => {
  const folder = folderOf(t);
  const keys = generateClusterKeys();
  const files = { private: join(folder, 'cluster.key'), public: join(folder, 'cluster.pub') };
  writeFileSync(files.private, keys.privatePem);
  writeFileSync(files.public, keys.publicPem);
  writeFileSync(join(folder, 'users.acl'), documentedUsers());
  const redis = await startRedis(t, {
    words: ['--aclfile', join(folder, 'users.acl')],
    user: 'node',
  });
  const look = (role: Role, user: string) => {
    const cluster: ClusterOptions = {
      role,
      name: 'edge',
      urls: [`redis://${user}:secret@127.0.0.1:${redis.port}`],
      keyFile: role === 'node' ? files.public : files.private,
      nodeId: undefined,
      advertise: undefined,
      username: undefined,
      password: undefined,
    };
    return checkCluster(cluster);
  };
  const words = async (role: Role, user: string) =>
    (await look(role, user)).map(({ status, text }) => `${status} ${text}`).join('\n');
  assert.match(
    await words('node', 'node'),
    /^ok .*holds the key[\s\S]*^ok .*may do what --role node/m,
  );
  assert.match(await words('controller', 'controller'), /^ok .*may do what --role controller/m);
  assert.match(await words('controller', 'node'), /^fail .*cannot lead cluster "edge": .*NOPERM/m);
  assert.match(await words('node', 'controller'), /^warn .*only controllers need/m);
});

test('checkCluster() says what keeps it from a key and from Redis', async (t) => {
  const folder = folderOf(t);
  const cluster: ClusterOptions = {
    role: 'all',
    name: 'edge',
    urls: [`redis://127.0.0.1:${await freePort()}`],
    keyFile: join(folder, 'nothing'),
    nodeId: undefined,
    advertise: undefined,
    username: undefined,
    password: undefined,
  };
  const [key, redis, ...more] = await checkCluster(cluster);
  assert.equal(key?.status, 'fail');
  assert.match(key.text, /cannot be read/);
  assert.equal(redis?.status, 'fail');
  assert.match(redis.text, /cannot be used: .*ECONNREFUSED/);
  assert.deepEqual(more, []);
});

test('judgeRedis() warns of settings that lose what Redis holds', () => {
  const cluster = { role: 'all', name: 'edge' } as const;
  const server = { name: 'Redis', version: '7.2.4' } as const;
  const statuses = (checkup: Parameters<typeof judgeRedis>[0]) =>
    judgeRedis(checkup, cluster).map(({ status }) => status);
  assert.deepEqual(statuses({ server, appendOnly: true, evictionPolicy: 'noeviction' }), [
    'ok',
    'ok',
  ]);
  assert.deepEqual(statuses({ server, appendOnly: false }), ['ok', 'warn', 'ok']);
  assert.deepEqual(statuses({ server, evictionPolicy: 'allkeys-lru' }), ['ok', 'fail', 'ok']);
  assert.deepEqual(statuses({ server: { name: 'Redis', version: '6.0.16' } }), ['fail', 'ok']);
  assert.deepEqual(statuses({ server: { name: 'Valkey', version: '8.0.1' } }), ['ok', 'ok']);
});

test('judgeRedis() says what to do about what Redis says', () => {
  const server = { name: 'Redis', version: '7.0.15' } as const;
  const cluster = { role: 'controller', name: 'edge' } as const;
  const remedy = (checkup: Parameters<typeof judgeRedis>[0]) =>
    judgeRedis(checkup, cluster).at(-1)?.remedy ?? '';
  assert.match(remedy({ failure: 'WRONGPASS invalid pair' }), /MERIDIAN_REDIS_PASSWORD/);
  assert.match(remedy({ failure: 'self-signed certificate' }), /NODE_EXTRA_CA_CERTS/);
  assert.match(remedy({ failure: 'connect ECONNREFUSED' }), /start it/);
  assert.match(remedy({ server, cannotFollow: 'beat: OOM command not allowed' }), /maxmemory/);
  assert.match(remedy({ server, cannotFollow: 'beat: READONLY' }), /master/);
  assert.match(remedy({ server, cannotLead: 'renew: NOPERM' }), /ACL/);
});
