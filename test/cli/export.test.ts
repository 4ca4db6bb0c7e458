import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleFolder, folderOf, startNode } from './harness.ts';

test('apply after export changes nothing, and export after apply writes nothing', async (t) => {
  const node = await startNode(t);
  await node.run(['apply', folderOf(t, exampleFolder)]);
  const write = { kind: 'network', id: '10.0.0.0/8', body: '{"country":"IE"}' } as const;
  await node.controller.apply([write], { actor: 'test', summary: 'test' });
  const folder = join(folderOf(t), 'made', 'by export');
  const first = await node.run(['export', folder]);
  assert.equal(first.code, 0, first.err);
  assert.deepEqual(readdirSync(folder).sort(), [
    'example.com.zone',
    'traffic.schema.json',
    'traffic.yaml',
  ]);
  const applied = await node.run(['apply', folder, '--prune']);
  assert.equal(applied.out, 'Nothing differs from revision 2.\n');
  const second = await node.run(['export', folder]);
  assert.match(second.out, /^Revision 2: 0 files written, 3 the same\.$/m);
});

test('export fills another node to the same configuration', async (t) => {
  const [one, two] = [await startNode(t), await startNode(t)];
  await one.run(['apply', folderOf(t, exampleFolder)]);
  const folder = folderOf(t);
  await one.run(['export', folder]);
  const { code, err } = await two.run(['apply', folder]);
  assert.equal(code, 0, err);
  const again = folderOf(t);
  await two.run(['export', again]);
  for (const name of readdirSync(folder)) {
    assert.equal(readFileSync(join(again, name), 'utf8'), readFileSync(join(folder, name), 'utf8'));
  }
});

test('export leaves files that say the same as they are, comments and lagging serial too', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  await node.run(['apply', folder]);
  const body = '{"ttl":300,"values":["192.0.2.26"]}';
  const id = 'example.com./mail.example.com./A';
  await node.controller.apply([{ kind: 'rrset', id, body }], { actor: 'x', summary: 'x' });
  await node.controller.apply([{ kind: 'rrset', id, body: body.replace('26', '25') }], {
    actor: 'x',
    summary: 'x',
  });
  const { code, out, err } = await node.run(['export', folder]);
  assert.equal(code, 0, err);
  assert.match(out, /0 files written, 2 the same/);
  for (const [name, text] of Object.entries(exampleFolder)) {
    assert.equal(readFileSync(join(folder, name), 'utf8'), text);
  }
});

test('export replaces a file that says something else only with --force', async (t) => {
  const node = await startNode(t);
  await node.run(['apply', folderOf(t, exampleFolder)]);
  const path = (folder: string) => join(folder, 'example.com.zone');
  const folder = folderOf(t, { 'example.com.zone': '; somebody else\n' });
  const refused = await node.run(['export', folder]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /example\.com\.zone: .*--force.*\(E_EXPORT_EXISTS\)/);
  assert.equal(readFileSync(path(folder), 'utf8'), '; somebody else\n');
  assert.ok(!existsSync(join(folder, 'traffic.yaml')), 'it writes all or nothing');
  const forced = await node.run(['export', folder, '--force']);
  assert.equal(forced.code, 0);
  assert.match(readFileSync(path(folder), 'utf8'), /^\$ORIGIN example\.com\.$/m);
});

test('export takes what it cannot read for something else', async (t) => {
  const node = await startNode(t);
  await node.run(['apply', folderOf(t, exampleFolder)]);
  const folder = folderOf(t, { 'traffic.yaml/x': '', 'example.com.zone/x': '' });
  const { code, err } = await node.run(['export', folder]);
  assert.equal(code, 1);
  assert.match(err, /example\.com\.zone: the file does not say .*\(E_EXPORT_EXISTS\)/);
  assert.match(err, /traffic\.yaml: the file does not say .*\(E_EXPORT_EXISTS\)/);
  const forced = await node.run(['export', folder, '--force']);
  assert.equal(forced.code, 1);
  assert.match(forced.err, /EISDIR.*; name a folder.*\(E_EXPORT\)/);
});

test('export names zone files that the node knows nothing of', async (t) => {
  const node = await startNode(t);
  await node.run(['apply', folderOf(t, exampleFolder)]);
  const folder = folderOf(t);
  writeFileSync(join(folder, 'old.example.zone'), 'anything');
  const { code, out } = await node.run(['export', folder, '--json']);
  assert.equal(code, 0);
  const { revision, files, unknownZoneFiles } = JSON.parse(out);
  assert.equal(revision, 1);
  assert.equal(files.length, 3);
  assert.deepEqual(unknownZoneFiles, [join(folder, 'old.example.zone')]);
});
