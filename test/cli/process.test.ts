import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { startMeridian } from '../e2e/support/processes.ts';
import { exampleFolder, folderOf, run } from './harness.ts';

const root = resolve(import.meta.dirname, '../..');

/** Runs `bin/meridian.js` as a process. */
function meridian(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [join(root, 'bin/meridian.js'), ...argv], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  return new Promise((done) => child.on('close', (code) => done({ code, out, err })));
}

test('the commands work on a node that runs as a process', async (t) => {
  const zones = folderOf(t, exampleFolder);
  const data = join(folderOf(t), 'data');
  const node = await startMeridian(t, { zones, data });
  const env = { MERIDIAN_URL: node.url, MERIDIAN_TOKEN: node.token };

  const applied = await meridian(['apply', zones], env);
  assert.equal(applied.code, 0, applied.err);
  assert.equal(applied.out, 'Nothing differs from revision 1.\n');

  const asked = ['explain', 'www.example.com', '--client', '91.0.0.1', '--json'];
  const explained = await meridian(asked, env);
  assert.equal(explained.code, 0, explained.err);
  assert.equal(JSON.parse(explained.out).service, 'web');

  const simulated = await meridian(['simulate', '--down', 'eu-west'], env);
  assert.equal(simulated.code, 0, simulated.err);
  assert.match(simulated.out, /^ {2}eu-west +\S+ % +→ +0\.0 %/m);

  const doctor = await run(
    ['doctor', '--zones', zones, '--data', data, '--dns', node.dns[0] ?? '', '--json'],
    { env },
  );
  const { findings } = JSON.parse(doctor.out) as { findings: { check: string; text: string }[] };
  const told = (check: string) => findings.find((finding) => finding.check === check)?.text ?? '';
  assert.match(told('api'), /serves$/);
  assert.match(told('port'), /is held by the Meridian of this data folder/);
  assert.match(told('store'), new RegExp(`pid ${node.child.pid}`));
});
