import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { addonPath } from '../../native/udp_batch/addon-path.ts';
import { loadUdpBatch } from '../../native/udp_batch/udp-batch.ts';

const script = join(import.meta.dirname, '../../native/udp_batch/build.ts');
const skip = process.platform === 'linux' ? false : 'the addon is for Linux';

function build(compiler: string, ...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], {
    encoding: 'utf8',
    env: { ...process.env, CC: compiler },
  });
}

test('build.ts without a compiler says what follows, and fails unless it is optional', {
  skip,
}, () => {
  const { status, stderr } = build('/nonexistent/cc');
  assert.equal(status, 1);
  assert.match(stderr, /^udp_batch: no C compiler \(\/nonexistent\/cc: .*node:dgram/);
  assert.equal(stderr.trim().split('\n').length, 1);
  assert.equal(build('/nonexistent/cc', '--optional').status, 0);
});

test('build.ts with a compiler that fails keeps the addon that is there', { skip }, () => {
  const before = loadUdpBatch();
  assert.equal(build('false', '--optional').status, 0);
  assert.deepEqual(loadUdpBatch(), before);
});

test('build.ts does nothing when the addon is of the same sources', { skip }, (context) => {
  if (!('addon' in loadUdpBatch())) return context.skip('no addon was built');
  build(process.env['CC'] ?? 'cc');
  const { status, stdout } = build(process.env['CC'] ?? 'cc', '--strict');
  assert.equal(status, 0);
  assert.equal(stdout, `udp_batch: ${addonPath} is up to date\n`);
});
