import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MeridianError } from '../../src/base/errors.ts';
import { openRedisBus } from '../../src/cluster/redis-bus.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { contentOf } from '../store/replica-contract.ts';
import { freePort, noRedis, startRedis, type TestRedis } from './redis-server.ts';
import {
  changeDial,
  dialOf,
  joinMember,
  type RealMember,
  until,
  untilSame,
} from './redis-world.ts';

const has = (program: string) => spawnSync(program, ['--version']).error === undefined;

/** Runs with a redis-server, two controllers (the first leads) and a node. */
function using(
  title: string,
  check: (redis: TestRedis, members: RealMember[], url: string) => Promise<void>,
): void {
  test(`on Redis: ${title}`, { skip: noRedis }, async () => {
    const redis = await startRedis();
    const members: RealMember[] = [];
    try {
      const url = `redis://127.0.0.1:${redis.port}`;
      const a = await joinMember([url], 'a');
      members.push(a);
      await until(() => a.cluster.lease() !== undefined);
      members.push(await joinMember([url], 'b'), await joinMember([url], 'n', 'node'));
      await until(() => a.cluster.nodes().length === 3);
      await check(redis, members, url);
    } finally {
      for (const member of members) await member.kill();
      await redis.close();
    }
  });
}

/** Makes a change again and again until it is taken, as a client does that is told to. */
async function insist(member: RealMember, dial: number): Promise<void> {
  for (;;) {
    try {
      await changeDial(member, dial);
      return;
    } catch (error) {
      assert.ok(error instanceof MeridianError, String(error));
      assert.match(error.code, /^E_(NOT_LEADER|NO_BUS|IN_DOUBT|CONFLICT)$/);
      await delay(50);
    }
  }
}

const at = (members: readonly RealMember[], index: number) => members[index] ?? assert.fail();

using('changes reach all, and a standby goes on after the leader is killed', async (_, members) => {
  const [a, b, n] = [at(members, 0), at(members, 1), at(members, 2)];
  for (let dial = 1; dial <= 20; dial++) assert.equal(await changeDial(a, dial), dial);
  await untilSame(members);
  assert.equal(dialOf(n), 20);
  members.shift();
  await a.kill();
  await until(() => b.cluster.lease() !== undefined);
  assert.equal(await changeDial(b, 21), 21);
  await untilSame(members);
  assert.deepEqual(contentOf(n.store), contentOf(b.store));
  assert.equal(n.store.verify(), undefined);
});

using('a leader that stops in good order is followed at once', async (_, members) => {
  const [a, b] = [at(members, 0), at(members, 1)];
  await changeDial(a, 1);
  await a.cluster.close();
  await until(() => b.cluster.lease() !== undefined);
  await insist(b, 2);
  await until(() => dialOf(at(members, 2)) === 2);
});

using('FLUSHALL loses nothing', async (redis, members) => {
  const a = at(members, 0);
  for (let dial = 1; dial <= 5; dial++) await changeDial(a, dial);
  await untilSame(members);
  const { term } = a.cluster.position();
  await redis.client.flushall();
  await until(() => members.some(({ cluster }) => (cluster.lease()?.term ?? 0) > term));
  const leader = members.find(({ cluster }) => cluster.lease() !== undefined) ?? assert.fail();
  await insist(leader, 6);
  await untilSame(members);
  for (const { store } of members) assert.equal(store.latest(), 6);
});

using(
  'a Redis that hangs refuses changes, and nothing acknowledged is lost',
  async (redis, members) => {
    const a = at(members, 0);
    await changeDial(a, 1);
    await untilSame(members);
    redis.process().kill('SIGSTOP');
    await assert.rejects(changeDial(a, 2), (error) => {
      return error instanceof MeridianError && error.code === 'E_IN_DOUBT';
    });
    await until(() => a.cluster.lease() === undefined);
    assert.equal(dialOf(a), 1);
    redis.process().kill('SIGCONT');
    await until(() => members.some(({ cluster }) => cluster.lease() !== undefined));
    const leader = members.find(({ cluster }) => cluster.lease() !== undefined) ?? assert.fail();
    await insist(leader, 3);
    await untilSame(members);
    assert.equal(dialOf(at(members, 2)), 3);
  },
);

using('a restart of Redis with an old dump takes nothing back', async (redis, members) => {
  const a = at(members, 0);
  await changeDial(a, 1);
  await redis.client.call('SAVE');
  copyFileSync(join(redis.folder, 'dump.rdb'), join(redis.folder, 'old.rdb'));
  for (let dial = 2; dial <= 7; dial++) await changeDial(a, dial);
  await untilSame(members);
  await redis.kill();
  copyFileSync(join(redis.folder, 'old.rdb'), join(redis.folder, 'dump.rdb'));
  await redis.start();
  await until(() => members.some(({ cluster }) => cluster.lease() !== undefined));
  await untilSame(members);
  for (const { store } of members) assert.equal(store.latest(), 7);
  const leader = members.find(({ cluster }) => cluster.lease() !== undefined) ?? assert.fail();
  await insist(leader, 8);
  await untilSame(members);
  for (const { store } of members) assert.equal(store.verify(), undefined);
});

test('on Redis Sentinel: a failover that loses revisions loses nothing of the cluster', {
  skip: noRedis || (has('redis-sentinel') ? false : 'redis-sentinel is not installed'),
}, async () => {
  const master = await startRedis();
  const replica = await startRedis(['--replicaof', '127.0.0.1', String(master.port)]);
  const folder = mkdtempSync(join(tmpdir(), 'meridian-sentinel-'));
  const port = await freePort();
  writeFileSync(
    join(folder, 'sentinel.conf'),
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'requirepass hush',
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
      '',
    ].join('\n'),
  );
  const sentinel = spawn('redis-sentinel', [join(folder, 'sentinel.conf')], { stdio: 'ignore' });
  const url = `sentinel://127.0.0.1:${port}/main`;
  const joinAs = (id: string, role?: 'node') =>
    joinMember([url], id, role, new MemoryStore(), { sentinelPassword: 'hush' });
  const members: RealMember[] = [];
  try {
    const a = await joinAs('a');
    members.push(a);
    await until(() => a.cluster.lease() !== undefined);
    members.push(await joinAs('b'), await joinAs('n', 'node'));
    await until(() => a.cluster.nodes().length === 3);
    await changeDial(a, 1);
    await until(() => dialOf(at(members, 2)) === 1);
    while (!(await replica.client.info('replication')).includes('master_link_status:up')) {
      await delay(20);
    }
    // What comes now the replica does not get any more.
    replica.process().kill('SIGSTOP');
    await changeDial(a, 2);
    await changeDial(a, 3);
    await until(() => members.every((member) => dialOf(member) === 3));
    await master.kill();
    replica.process().kill('SIGCONT');
    await until(() => members.some(({ cluster }) => cluster.lease() === undefined));
    await until(() => members.some(({ cluster }) => cluster.lease() !== undefined));
    const leader = members.find(({ cluster }) => cluster.lease() !== undefined) ?? assert.fail();
    await insist(leader, 4);
    await untilSame(members);
    for (const member of members) {
      assert.equal(dialOf(member), 4);
      assert.equal(member.store.revision(3)?.hash, leader.store.revision(3)?.hash);
      assert.deepEqual(member.orphans, []);
    }
  } finally {
    for (const member of members) await member.kill();
    await ended(sentinel);
    rmSync(folder, { recursive: true, force: true });
    await replica.close();
    await master.close();
  }
});

test("RedisBus: TLS with a certificate of one's own", {
  skip: noRedis || (has('openssl') ? false : 'openssl is not installed'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  const tlsPort = await freePort();
  const redis = await startRedis([
    ...['--tls-port', String(tlsPort), '--tls-cert-file', cert, '--tls-key-file', key],
    ...['--tls-ca-cert-file', cert, '--tls-auth-clients', 'no'],
  ]);
  const address = parseBusUrls([`rediss://localhost:${tlsPort}`]);
  const failures: string[] = [];
  const trusting = openRedisBus({ address, cluster: 'test', ca: readFileSync(cert, 'utf8') });
  const wary = openRedisBus({ address, cluster: 'test', onFailure: (text) => failures.push(text) });
  try {
    await until(() => trusting.isUp && failures.length > 0);
    assert.deepEqual(await trusting.state(), { lease: undefined, head: undefined });
    assert.match(failures[0] ?? '', /self-signed/);
    assert.equal(wary.isUp, false);
  } finally {
    await trusting.close();
    await wary.close();
    await redis.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
