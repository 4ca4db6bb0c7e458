import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { checkGeo, judgeDatabase } from '../../../src/cli/doctor/geo.ts';
import { checkRunningNode } from '../../../src/cli/doctor/running-node.ts';
import { databaseInfo } from '../../../src/geo/database-info.ts';
import { embeddedCountryDatabase } from '../../../src/geo/geo-sources.ts';
import { exampleFolder, folderOf, run, startNode } from '../harness.ts';

test('doctor examines machine, ports, data, zones and databases', async (t) => {
  const zones = folderOf(t, exampleFolder);
  const { code, out, err } = await run([
    ...['doctor', '--zones', zones, '--data', join(zones, 'data'), '--dns', '127.0.0.1:0'],
    ...['--json'],
  ]);
  assert.equal(code, 0, out + err);
  const { passed, findings } = JSON.parse(out) as {
    passed: boolean;
    findings: { check: string; status: string }[];
  };
  assert.equal(passed, true);
  const checks = new Set(findings.map(({ check }) => check));
  for (const check of ['node', 'udp', 'buffers', 'clock', 'port', 'data', 'api', 'zones', 'geo']) {
    assert.ok(checks.has(check), check);
  }
});

test('doctor ends with 1 when something failed and shows the remedy', async (t) => {
  const zones = folderOf(t, { 'example.com.zone': 'nonsense\n' });
  const geo = join(folderOf(t, { 'x.mmdb': 'nonsense' }), 'x.mmdb');
  const { code, out } = await run([
    ...['doctor', '--zones', zones, '--data', zones, '--dns', '127.0.0.1:0'],
    ...['--geo', `city=${geo}`],
  ]);
  assert.equal(code, 1);
  assert.match(out, /^fail {2}zones .*\n +→ see `meridian check /m);
  assert.match(out, /^fail {2}geo +\S+x\.mmdb: /m);
  assert.match(out, /\n\n2 failures, \d+ warnings?\n$/);
});

test('doctor finds a node that serves, and a token that it does not take', async (t) => {
  const node = await startNode(t);
  const good = await checkRunningNode(node.url, node.token, true);
  assert.deepEqual(
    good.findings.map(({ status }) => status),
    ['ok'],
  );
  assert.ok(Math.abs((good.peerMs ?? 0) - Date.now()) < 60_000);
  const bad = await checkRunningNode(node.url, 'wrong', true);
  assert.deepEqual(
    bad.findings.map(({ status }) => status),
    ['ok', 'warn'],
  );
});

test('checkRunningNode fails a node that was named and is not there, or is none', async (t) => {
  const server = createServer((_request, response) => response.end('<html>'));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const other = await checkRunningNode(url, undefined, true);
  assert.equal(other.findings[0]?.status, 'fail');
  await new Promise((done) => server.close(done));
  t.after(() => server.close());
  assert.equal((await checkRunningNode(url, undefined, true)).findings[0]?.status, 'fail');
  assert.equal((await checkRunningNode(url, undefined, false)).findings[0]?.status, 'ok');
});

test('checkGeo describes the embedded database', async () => {
  const path = embeddedCountryDatabase();
  const { built } = await databaseInfo(path);
  const findings = await checkGeo([{ kind: 'country', path }], Date.parse(built));
  assert.deepEqual(
    findings.map(({ status }) => status),
    ['ok'],
  );
  assert.match(findings[0]?.text ?? '', /country, .* flat layout, built \d{4}-\d\d-\d\d, \d+ IPv4/);
  const old = await checkGeo([{ kind: 'country', path }], Date.parse(built) + 91 * 86_400_000);
  assert.match(old[1]?.text ?? '', /built 91 days ago$/);
});

test('judgeDatabase accepts files of one family each where together they have both', async () => {
  const info = await databaseInfo(embeddedCountryDatabase());
  const only = (family: 4 | 6) => ({
    ...info,
    networks4: family === 4 ? 10 : 0,
    networks6: family === 6 ? 10 : 0,
    problems: [
      { code: 'E_GEO_FAMILY' as const, message: 'one family; add', severity: 'warning' as const },
    ],
  });
  assert.equal(judgeDatabase('city', only(4), [only(4)])[1]?.status, 'warn');
  assert.equal(judgeDatabase('city', only(4), [only(4), only(6)]).length, 1);
});

test('bin/meridian.js runs check and sets the exit code', async (t) => {
  const root = resolve(import.meta.dirname, '../../..');
  const meridian = (argv: readonly string[]) =>
    spawnSync(process.execPath, [join(root, 'bin/meridian.js'), ...argv], { encoding: 'utf8' });
  const good = meridian(['check', folderOf(t, exampleFolder)]);
  assert.equal(good.status, 0, good.stderr);
  assert.match(good.stdout, /^ok: /);
  const bad = meridian(['check', folderOf(t), '--json']);
  assert.equal(bad.status, 1);
  assert.equal(JSON.parse(bad.stdout).passed, false);
  const usage = meridian(['chekc']);
  assert.equal(usage.status, 2);
  assert.match(usage.stderr, /Did you mean check\?/);
});
