import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../../src/base/log.ts';
import { FirstToken } from '../../src/cli/first-token.ts';
import { temporaryFolder } from '../e2e/support/processes.ts';

test('FirstToken gives the same secret until it is kept, then another', (t) => {
  const folder = temporaryFolder(t);
  const first = new FirstToken(folder, silentLog);
  assert.equal(first.waiting(), undefined);
  const secret = first.secret();
  assert.match(secret, /^mrd_[A-Za-z0-9_-]{43}$/);
  const next = new FirstToken(folder, silentLog);
  assert.equal(next.waiting(), secret);
  assert.equal(next.secret(), secret);
  next.keep(secret);
  assert.equal(next.waiting(), undefined);
  assert.notEqual(next.secret(), secret);
});

test('FirstToken makes files that nobody else can read', (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'admin.token');
  writeFileSync(file, 'old');
  chmodSync(file, 0o644);
  const first = new FirstToken(folder, silentLog);
  const secret = first.secret();
  assert.equal(statSync(join(folder, 'admin.token.new')).mode & 0o777, 0o600);
  first.keep(secret);
  assert.equal(readFileSync(file, 'utf8'), `${secret}\n`);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(existsSync(join(folder, 'admin.token.new')), false);
});

test('FirstToken lives with a file that it cannot write, and does not log the secret', (t) => {
  const errors: string[] = [];
  const error = (_: object, message: string) => errors.push(message);
  const first = new FirstToken(join(temporaryFolder(t), 'nowhere'), { ...silentLog, error });
  const secret = first.secret();
  first.keep(secret);
  assert.match(errors.join(), /cannot be kept/);
  assert.ok(!errors.join().includes(secret));
});

test('FirstToken takes nothing for a secret that it has not made', (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'admin.token.new'), 'mrd_short');
  assert.equal(new FirstToken(folder, silentLog).waiting(), undefined);
});
