import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleFolder, folderOf, run } from './harness.ts';

const broken = {
  'example.com.zone': `${exampleFolder['example.com.zone']}shop STEER shpo\nbad A 192.0.2.256\n`,
  'good.example.zone': `${exampleFolder['example.com.zone']}shop STEER wbe\n`,
  'traffic.yaml': exampleFolder['traffic.yaml'] ?? '',
};

test('check passes a folder that fits together and counts what it holds', async (t) => {
  const folder = folderOf(t, exampleFolder);
  const { code, out, err } = await run(['check', folder]);
  assert.equal(code, 0);
  assert.equal(
    out,
    `ok: ${folder}: no problems; 1 zone, 5 records, 1 service, 2 regions, 0 monitors, 0 networks\n`,
  );
  assert.equal(err, '');
});

test('check prints every problem of every file with its line and ends with 1', async (t) => {
  const folder = folderOf(t, broken);
  const { code, out } = await run(['check', folder]);
  assert.equal(code, 1);
  assert.match(
    out,
    new RegExp(`^${join(folder, 'example.com.zone')}:9: .*\\(E_RDATA_SYNTAX\\)$`, 'm'),
  );
  const steer = `^${join(folder, 'good.example.zone')}:8: .*"wbe".*did you mean "web".*\\(E_SERVICE_UNKNOWN\\)$`;
  assert.match(out, new RegExp(steer, 'm'));
  assert.match(out, /^failed: .* 2 errors, 0 warnings; 1 zone, 6 records, .* without errors$/m);
});

test('check does not call a service unknown whose own entry is wrong', async (t) => {
  const traffic = (exampleFolder['traffic.yaml'] ?? '').replace('latency: all', 'latency: [mars]');
  const folder = folderOf(t, { ...exampleFolder, 'traffic.yaml': traffic });
  const { code, out } = await run(['check', folder, '--json']);
  assert.equal(code, 1);
  const codes = JSON.parse(out).problems.map((problem: { code: string }) => problem.code);
  assert.ok(codes.includes('E_MEMBER_UNKNOWN'));
  assert.ok(!codes.includes('E_SERVICE_UNKNOWN'), out);
});

test('check without a traffic file warns of services that the node must have', async (t) => {
  const zone = exampleFolder['example.com.zone'] ?? '';
  const folder = folderOf(t, { 'example.com.zone': zone });
  const lenient = await run(['check', folder]);
  assert.equal(lenient.code, 0);
  assert.match(lenient.out, /example\.com\.zone:6: warning: .*"web".*\(E_SERVICE_UNKNOWN\)/);
  const strict = await run(['check', folder, '--strict']);
  assert.equal(strict.code, 1);
  assert.match(strict.out, /^failed: .* 0 errors, 1 warning; 1 zone/m);
});

test('check refuses a folder that holds nothing or is not there', async (t) => {
  const empty = await run(['check', folderOf(t)]);
  assert.equal(empty.code, 1);
  assert.match(empty.out, /E_IMPORT_EMPTY/);
  const absent = await run(['check', '/nonexistent/zones']);
  assert.equal(absent.code, 1);
  assert.match(absent.out, /^\/nonexistent\/zones: .*;.*\(E_/);
});

test('check --json prints one document with counts and problems', async (t) => {
  const { code, out } = await run(['check', folderOf(t, broken), '--json']);
  assert.equal(code, 1);
  const { passed, zones, problems } = JSON.parse(out);
  assert.equal(passed, false);
  assert.equal(zones, 1);
  assert.equal(problems.length, 2);
});

test('check prints no control characters that a file brought', async (t) => {
  const zone = `${exampleFolder['example.com.zone']}"\u001b[2Jx" A nonsense\n`;
  const { out } = await run(['check', folderOf(t, { ...exampleFolder, 'example.com.zone': zone })]);
  assert.doesNotMatch(out, /\u001b/);
});
