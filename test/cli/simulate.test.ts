import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleFolder, folderOf, startNode } from './harness.ts';

async function startFilled(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t);
  const { code, err } = await node.run(['apply', folderOf(t, exampleFolder)]);
  assert.equal(code, 0, err);
  return node;
}

test('simulate --down shows where clients go and which capacity breaks', async (t) => {
  const node = await startFilled(t);
  const { code, out, err } = await node.run([
    ...['simulate', '--down', 'eu-west', '--demand', 'web=9000'],
  ]);
  assert.equal(code, 0, err);
  assert.match(out, /^Revision 1; 3,000 people, placed by city$/m);
  assert.match(out, /^web {2}demand 9,000 \(as given\)$/m);
  assert.match(out, /^ {2}eu-west +66\.7 % {2}→ +0\.0 % {2}-66\.7 +6,000 {2}→ +0 +12,000$/m);
  assert.match(
    out,
    /^ {2}ap-south +33\.3 % {2}→ {2}100\.0 % {2}\+66\.7 +3,000 {2}→ {2}9,000 +6,000 {2}OVER by 50 %$/m,
  );
  assert.match(out, /^ {2}mean distance +\S+ km +→ +\S+ km$/m);
  assert.match(out, /^ {2}clients with a dead answer {2}0\.0 % +→ {2}0\.0 %$/m);
  assert.match(out, /^ {2}demand that it can carry +18,000 +→ {2}6,000$/m);
  assert.equal(node.controller.configuration().revision, 1, 'nothing is changed');
});

test('simulate says when everything is dead', async (t) => {
  const node = await startFilled(t);
  const { out } = await node.run(['simulate', '--down', 'eu-west', '--down', 'ap-south']);
  assert.match(out, /^ {2}clients with a dead answer {2}0\.0 % +→ {2}100\.0 %$/m);
  assert.match(out, /demand unknown; give it with --demand/);
});

test('simulate --json passes every flag on and prints the document of the API', async (t) => {
  const node = await startFilled(t);
  const { code, out, err } = await node.run([
    ...['simulate', '--dial', 'eu-west=50', '--drain', 'ap-south', '--up', 'eu-west'],
    ...['--service', 'web', '--json'],
  ]);
  // The same region both up and dialled is fine; what counts is that the API understood all of it.
  assert.equal(code, 0, err);
  const { services } = JSON.parse(out);
  assert.equal(services.length, 1);
  const members = services[0].members as { member: string; shareAfter: number }[];
  assert.equal(members.find(({ member }) => member === 'ap-south')?.shareAfter, 0);
});

test('simulate names unknown regions and services', async (t) => {
  const node = await startFilled(t);
  const { code, err } = await node.run(['simulate', '--down', 'eu-wset']);
  assert.equal(code, 1);
  assert.match(err, /"eu-wset" does not exist \(did you mean "eu-west"\?\).*\(E_SIMULATION\)/);
  const usage = await node.run(['simulate', '--dial', 'eu-west=101']);
  assert.equal(usage.code, 2);
  assert.match(usage.err, /NAME=NUMBER with a number from 0 to 100/);
  const negative = await node.run(['simulate', '--down', 'eu-west', '--demand', 'web=-1']);
  assert.match(negative.err, /"web=-1" is not NAME=NUMBER with a number of 0 or more/);
});
