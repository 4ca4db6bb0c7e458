import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Agent as HttpAgent } from 'undici';
import { listenApi } from '../../src/api/listen-api.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { MeridianError } from '../../src/base/errors.ts';
import { silentLog } from '../../src/base/log.ts';
import { Random } from '../../src/base/random.ts';
import { keepEnrolment, openIdentity, unheededWishes } from '../../src/probe/identity.ts';
import { startRemoteAgent } from '../../src/probe/remote-agent.ts';
import { fillExample, type Harness, startHarness } from '../api/harness.ts';
import { until } from '../e2e/support/processes.ts';

/** A controller that listens, with an agent enrolled. */
async function startControl(publicKey: string): Promise<{ harness: Harness; url: string }> {
  const harness = await startHarness();
  await fillExample(harness);
  const body = { name: 'far', location: 'aws:eu-west-1', publicKey };
  assert.equal((await harness.call('POST', '/v1/agents', { body })).statusCode, 201);
  const { host, port } = await listenApi(harness.api, { host: '127.0.0.1', port: 0 });
  return { harness, url: `http://${host}:${port}` };
}

test('startRemoteAgent() tells each controller by itself, and checks on when all are gone', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, publicKey } = openIdentity(folder, undefined);
  const one = await startControl(publicKey);
  const two = await startControl(publicKey);
  const dispatcher = new HttpAgent();
  let checks = 0;
  const close = startRemoteAgent({
    agent: 'far',
    key,
    controls: [one.url, two.url, 'http://127.0.0.1:1'],
    dispatcher,
    clock: systemClock,
    random: new Random(1),
    log: silentLog,
    version: 'test',
    allowPrivateTargets: true,
    allowExec: false,
    check: async () => {
      checks++;
      return { outcome: 'up', connectMs: 5 };
    },
    onRefused: () => {},
  });
  t.after(async () => {
    close();
    await dispatcher.destroy();
  });
  const sequenceAt = ({ harness }: typeof one) => harness.desk.status('far')?.sequence ?? 0;
  for (const control of [one, two]) {
    await until(
      () => sequenceAt(control) > 1 || undefined,
      () => 'two reports',
    );
    const [target] = control.harness.health.targets('web', 'us-east');
    assert.equal(target?.verdict, 'up');
  }
  await one.harness.close();
  const before = sequenceAt(two);
  await until(
    () => sequenceAt(two) > before + 1 || undefined,
    () => 'the other controller to hear more',
  );
  // A new check begins within a second, whoever asks for it, and goes on when nobody listens.
  const body = { type: 'https', path: '/quick', interval: '500ms', timeout: '100ms' };
  const written = await two.harness.call('PUT', '/v1/monitors/https', { body });
  assert.equal(written.statusCode, 200);
  await two.harness.close();
  const made = checks;
  await until(
    () => checks > made + 6 || undefined,
    () => 'checks to go on',
  );
});

test('startRemoteAgent() says once which controller cannot be reached, and why', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key } = openIdentity(folder, undefined);
  const dispatcher = new HttpAgent();
  const said: string[] = [];
  const close = startRemoteAgent({
    agent: 'far',
    key,
    controls: ['http://127.0.0.1:1'],
    dispatcher,
    clock: systemClock,
    random: new Random(1),
    log: { ...silentLog, warn: (_fields, text) => void said.push(text) },
    version: 'test',
    allowPrivateTargets: true,
    allowExec: false,
    onRefused: () => {},
  });
  t.after(async () => {
    close();
    await dispatcher.destroy();
  });
  await until(
    () => said.length > 0 || undefined,
    () => 'a warning',
  );
  assert.match(
    said[0] ?? '',
    /^http:\/\/127\.0\.0\.1:1: connect ECONNREFUSED 127\.0\.0\.1:1 \(E_API/,
  );
});

test('startRemoteAgent() says once that another process has its key', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, publicKey } = openIdentity(folder, undefined);
  const { harness, url } = await startControl(publicKey);
  const dispatcher = new HttpAgent();
  const said: string[] = [];
  const closes = [1, 2].map((seed) =>
    startRemoteAgent({
      agent: 'far',
      key,
      controls: [url],
      dispatcher,
      clock: systemClock,
      random: new Random(seed),
      log: { ...silentLog, warn: (_fields, text) => void said.push(`${seed} ${text}`) },
      version: 'test',
      allowPrivateTargets: true,
      allowExec: false,
      check: async () => ({ outcome: 'up', connectMs: 5 }),
      onRefused: () => {},
    }),
  );
  t.after(async () => {
    for (const close of closes) close();
    await dispatcher.destroy();
    await harness.close();
  });
  await until(
    () => harness.desk.counts().replay > 5 || undefined,
    () => 'reports of two that have one key',
  );
  const replays = said.filter((text) => /let no two processes have one key/.test(text));
  assert.ok(replays.length > 0 && replays.length <= 2, replays.join('\n'));
});

test('startRemoteAgent() tells a controller that is named twice once', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { key, publicKey } = openIdentity(folder, undefined);
  const { harness, url } = await startControl(publicKey);
  const dispatcher = new HttpAgent();
  const close = startRemoteAgent({
    agent: 'far',
    key,
    controls: [url, url],
    dispatcher,
    clock: systemClock,
    random: new Random(1),
    log: silentLog,
    version: 'test',
    allowPrivateTargets: true,
    allowExec: false,
    check: async () => ({ outcome: 'up', connectMs: 5 }),
    onRefused: () => {},
  });
  t.after(async () => {
    close();
    await dispatcher.destroy();
    await harness.close();
  });
  await until(
    () => harness.desk.counts().taken > 2 || undefined,
    () => 'three reports',
  );
  assert.equal(harness.desk.counts().replay, 0);
});

test('openIdentity() makes a key once, for its own user alone, and refuses one that others can read', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  try {
    const made = openIdentity(folder, undefined);
    assert.match(made.publicKey, /^[A-Za-z0-9_-]{43}$/);
    assert.equal(statSync(join(folder, 'agent.key')).mode & 0o777, 0o600);
    assert.equal(openIdentity(folder, undefined).publicKey, made.publicKey);
    assert.throws(() => openIdentity(folder, '/etc/hostname'), { code: 'E_PROBE_IDENTITY' });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('openIdentity() knows as what its key was enrolled, and names the file that says so when it is damaged', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-agent-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  keepEnrolment(folder, openIdentity(folder, undefined), 'dublin-1', 'aws:eu-west-1');
  const { name, location } = openIdentity(folder, undefined);
  assert.deepEqual([name, location], ['dublin-1', 'aws:eu-west-1']);
  const file = join(folder, 'agent.json');
  for (const text of ['', '{"name":']) {
    writeFileSync(file, text);
    assert.throws(
      () => openIdentity(folder, undefined),
      (error: MeridianError) => {
        const [problem] = error.problems;
        assert.deepEqual([problem?.code, problem?.where], ['E_PROBE_IDENTITY', file]);
        assert.match(problem?.message ?? '', /remove the file and start with a token/);
        return true;
      },
    );
  }
  writeFileSync(file, 'null');
  assert.equal(openIdentity(folder, undefined).name, undefined);
});

test('unheededWishes() names what an agent was not enrolled as', () => {
  const enrolled = { name: 'dublin-1', location: 'aws:eu-west-1' };
  assert.deepEqual(unheededWishes(enrolled, { location: 'aws:eu-west-1' }), []);
  assert.deepEqual(unheededWishes(enrolled, { name: 'fra-1', location: 'iata:FRA' }), [
    '--name fra-1',
    '--location iata:FRA',
  ]);
  // Older versions did not write the location down.
  const older = { name: 'dublin-1', location: undefined };
  assert.deepEqual(unheededWishes(older, { name: 'dublin-1', location: 'iata:FRA' }), []);
});
