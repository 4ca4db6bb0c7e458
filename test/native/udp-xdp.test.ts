import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { whyNot } from '../../src/server/open-udp.ts';
import { vethVariable } from './udp-network.ts';

/** Why a network of our own cannot be made here, or false when it can. */
function whySkip(): string | false {
  const reason = whyNot('xdp');
  if (reason !== undefined) return reason;
  const made = spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'type', 'veth']);
  return made.status === 0 ? false : 'needs root, unshare(1) and ip(8)';
}

test('xdp backend does between two interfaces what every UDP backend must', {
  skip: whySkip(),
  timeout: 120_000,
}, () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const file = join(import.meta.dirname, 'udp-xdp-cases.ts');
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-n', process.execPath, '--test-reporter=spec', file],
    { encoding: 'utf8', env: { ...env, [vethVariable]: '1' } },
  );
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  // The test of drops by sockets, for which the cases have one of their own, and of sockets handed on.
  assert.match(stdout, /skipped 2$/m);
});
