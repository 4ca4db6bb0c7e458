import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from '../../src/base/make-folder.ts';

test('makeFolder() makes what is missing, with its mode, and leaves what is there', (t) => {
  const root = mkdtempSync(join(tmpdir(), 'make-folder-'));
  t.after(() => rmSync(root, { recursive: true }));
  makeFolder(join(root, 'a/b/c/'), 0o700);
  assert.equal(statSync(join(root, 'a/b/c')).mode & 0o777, 0o700);
  makeFolder(join(root, 'a/b/c'));
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => makeFolder(join(root, 'file/below')), /ENOTDIR/);
});

test('makeFolder() returns where nobody can make a folder', {
  skip: !existsSync('/proc/self') && 'no /proc here',
}, () => {
  assert.throws(() => makeFolder('/proc/none/below'), /ENOENT|EACCES|EPERM/);
});
