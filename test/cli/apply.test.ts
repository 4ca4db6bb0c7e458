import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { exampleFolder, folderOf, type Node, run, startNode } from './harness.ts';

function edit(folder: string, name: string, change: (text: string) => string): void {
  const path = join(folder, name);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

const latest = (node: Node) => node.controller.configuration().revision;

test('apply brings a folder in as one revision named after it', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const { code, out, err } = await node.run(['apply', folder]);
  assert.equal(code, 0, err);
  assert.equal(latest(node), 1);
  assert.equal(node.controller.revision(1)?.summary, `apply ${folder}`);
  assert.match(out, /^ {2}\+ region eu-west {2}\{"place":"aws:eu-west-1"\}$/m);
  assert.match(out, /^ {2}\+ zone example\.com\.$/m);
  assert.match(out, /^ {6}\+ {2}www\.example\.com\. +30 +STEER +web$/m);
  assert.match(out, /^Applied 9 changes as revision 1\.$/m);
});

test('apply of what is there already changes nothing', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  await node.run(['apply', folder]);
  const { code, out } = await node.run(['apply', folder]);
  assert.equal(code, 0);
  assert.equal(out, 'Nothing differs from revision 1.\n');
  assert.equal(latest(node), 1);
});

test('apply shows each change and how answers move, and moves the serial by itself', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  await node.run(['apply', folder]);
  edit(folder, 'traffic.yaml', (text) => text.replace('eu-west-1 }', 'eu-west-1, dial: 50 }'));
  edit(folder, 'example.com.zone', (text) =>
    text.replace('www  30', 'www  60').replace('192.0.2.25', '192.0.2.26'),
  );
  const { code, out, err } = await node.run(['apply', folder]);
  assert.equal(code, 0, err);
  assert.match(out, /^ {2}~ region eu-west\n {6}dial: \(default\) → 50$/m);
  assert.match(out, /^ {6}~ {2}www\.example\.com\. +30 → 60 +STEER +web$/m);
  assert.match(
    out,
    /^ {6}- {2}mail\.example\.com\. +300 +A +192\.0\.2\.25\n {6}\+ .*192\.0\.2\.26$/m,
  );
  assert.match(out, /SOA +serial 1 → 2$/m);
  // Two thirds live near eu-west, and half of them are turned away.
  assert.match(out, /^ {2}web {2}eu-west +66\.7 % {2}→ {2}33\.3 % +-33\.3$/m);
  assert.match(out, /^ {2}web {2}ap-south +33\.3 % {2}→ {2}66\.7 % +\+33\.3$/m);
});

test('apply --dry-run shows the plan and changes nothing', async (t) => {
  const node = await startNode(t);
  const { code, out } = await node.run(['apply', folderOf(t, exampleFolder), '--dry-run']);
  assert.equal(code, 0);
  assert.match(out, /^Plan for revision 0: 9 changes$/m);
  assert.doesNotMatch(out, /Applied/);
  assert.equal(latest(node), 0);
});

test('apply asks a person, and a no applies nothing', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const questions: string[] = [];
  const answering = (answer: string) => ({
    ask: async (question: string) => {
      questions.push(question);
      return answer;
    },
  });
  const refused = await node.run(['apply', folder], answering(''));
  assert.equal(refused.code, 1);
  assert.match(refused.out, /Nothing was applied\.\n$/);
  assert.equal(latest(node), 0);
  const agreed = await node.run(['apply', folder], answering(' Yes '));
  assert.equal(agreed.code, 0);
  assert.equal(latest(node), 1);
  assert.deepEqual(questions, ['Apply 9 changes? [y/N] ', 'Apply 9 changes? [y/N] ']);
  edit(folder, 'example.com.zone', (text) => text.replace('192.0.2.25', '192.0.2.26'));
  await node.run(['apply', folder, '--yes'], answering('no'));
  assert.equal(latest(node), 2);
  assert.equal(questions.length, 2, '--yes asks nothing');
});

test('apply refuses what was planned on a revision that is no longer the newest', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const meanwhile = {
    ask: async () => {
      const write = { kind: 'region', id: 'sa-east', body: '{"place":"aws:sa-east-1"}' } as const;
      await node.controller.apply([write], { actor: 'other', summary: 'meanwhile' });
      return 'y';
    },
  };
  const { code, err } = await node.run(['apply', folder], meanwhile);
  assert.equal(code, 1);
  assert.match(err, /newest revision is 1, not 0; .*\(E_PRECONDITION\)/);
  assert.equal(node.controller.configuration().zones.size, 0);
});

test('apply does not contact the node when a file has an error', async (t) => {
  const folder = folderOf(t, {
    ...exampleFolder,
    'example.com.zone': `${exampleFolder['example.com.zone']}bad A x\n`,
  });
  const { code, err } = await run(['apply', folder, '--url', 'http://127.0.0.1:9', '--token', 'x']);
  assert.equal(code, 1);
  assert.match(err, /example\.com\.zone:8: .*\(E_RDATA_SYNTAX\)\n$/);
});

test('apply gives the line of its own file for what only the node can know', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, { 'example.com.zone': exampleFolder['example.com.zone'] ?? '' });
  const { code, err } = await node.run(['apply', folder]);
  assert.equal(code, 1);
  assert.match(err, /^\S+\/example\.com\.zone:6: .*"web".*\(E_SERVICE_UNKNOWN\)\n$/);
});

test('apply leaves what the folder does not have, and --prune removes it', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const other = (exampleFolder['example.com.zone'] ?? '').replace('www  30 STEER web\n', '');
  await node.run(['apply', folderOf(t, { 'other.example.zone': other })]);
  await node.run(['apply', folder]);
  assert.deepEqual([...node.controller.configuration().zones.keys()].sort(), [
    'example.com.',
    'other.example.',
  ]);
  edit(
    folder,
    'traffic.yaml',
    (text) => `${text}  spare: { members: { eu-west: { a: [192.0.2.1] } } }\n`,
  );
  await node.run(['apply', folder]);
  assert.ok(node.controller.configuration().traffic.services.has('spare'));
  edit(folder, 'traffic.yaml', (text) => text.replace(/ {2}spare.*\n/, ''));
  const { code, out } = await node.run(['apply', folder, '--prune']);
  assert.equal(code, 0);
  assert.match(out, /^ {2}- service spare$/m);
  assert.match(out, /^ {2}- zone other\.example\.$/m);
  assert.deepEqual([...node.controller.configuration().zones.keys()], ['example.com.']);
});

test('apply --prune without a traffic file leaves traffic alone', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  await node.run(['apply', folder]);
  const zones = folderOf(t, { 'example.com.zone': exampleFolder['example.com.zone'] ?? '' });
  const { code } = await node.run(['apply', zones, '--prune']);
  assert.equal(code, 0);
  assert.equal(node.controller.configuration().traffic.services.size, 1);
});

test('apply --json prints one document, asks nothing, and applies', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const ask = async () => assert.fail('it asked');
  const plan = JSON.parse((await node.run(['apply', folder, '--json', '--dry-run'], { ask })).out);
  assert.equal(plan.applied, false);
  assert.equal(plan.changeCount, 9);
  const done = JSON.parse((await node.run(['apply', folder, '--json'], { ask })).out);
  assert.equal(done.applied, true);
  assert.equal(done.revision, 1);
  assert.equal(done.traffic.length, 2);
});

test('apply paints its plan only where colours are taken', async (t) => {
  const node = await startNode(t);
  const folder = folderOf(t, exampleFolder);
  const plain = await node.run(['apply', folder, '--dry-run']);
  const painted = await node.run(['apply', folder, '--dry-run'], { colours: true });
  assert.doesNotMatch(plain.out, /\u001b/);
  assert.match(painted.out, /\u001b\[32m/);
  assert.equal(painted.out.replace(/\u001b\[\d+m/g, ''), plain.out);
});
