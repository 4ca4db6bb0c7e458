import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleFolder, folderOf, startNode } from './harness.ts';

const withNetworks = {
  ...exampleFolder,
  'traffic.yaml': `${exampleFolder['traffic.yaml']}networks:
  91.0.0.0/24: { country: IE, place: aws:eu-west-1, asn: 64500 }
  49.36.0.0/16: { country: IN, place: aws:ap-south-1 }
`,
};

async function startFilled(t: Parameters<typeof startNode>[0]) {
  const node = await startNode(t);
  const { code, err } = await node.run(['apply', folderOf(t, withNetworks)]);
  assert.equal(code, 0, err);
  return node;
}

test('explain prints client, class, policy, members and answer', async (t) => {
  const node = await startFilled(t);
  const { code, out, err } = await node.run([
    ...['explain', 'www.example.com', '--client', '91.0.0.1'],
  ]);
  assert.equal(code, 0, err);
  assert.match(out, /^A of www\.example\.com for 91\.0\.0\.1 {2}\(revision 1\)$/m);
  assert.match(out, /^Place +IE \(EU\), AS64500, 53\.\d+ -\d\.\d+$/m);
  assert.match(out, /^Name +steered to web$/m);
  assert.match(out, /^Class +\d+, scope \/24: /m);
  assert.match(out, /^ {2}latency {2}\S/m);
  assert.match(out, /^ {2}\* {2}eu-west +100\.0 % +3 .* ms +distance$/m);
  assert.match(
    out,
    /^ +ap-south +0\.0 % +1 .* ms +distance +could serve; the policy prefers others$/m,
  );
  assert.match(out, /^Answer\n {2}198\.51\.100\.10 {2}eu-west {2}TTL 30 s\n$/m);
});

test('explain shows what an estimate is made of, once something was measured', async (t) => {
  const node = await startFilled(t);
  const asked = ['explain', 'www.example.com', '--client', '91.0.0.1'];
  assert.doesNotMatch((await node.run(asked)).out, /^Latency/m);
  const samples = [
    { country: 'IE', region: 'ap-south', ms: 300, count: 20 },
    { prefix: '91.0.0.0/24', region: 'ap-south', ms: 5, count: 900 },
  ];
  node.controller.measure(samples, 'test');
  node.clock.advance(5000);
  const { out } = await node.run(asked);
  assert.match(out, /^ {2}\* {2}ap-south +100\.0 % .* ms +measured-prefix, 900 samples$/m);
  assert.match(out, /^Latency \(what each is made of\)$/m);
  assert.match(out, /^ {2}ap-south +99\.0 % +\d+\.\d ms +prefix 91\.0\.0\.0\/24 +900 +5 s$/m);
  assert.match(out, /^ +0\.6 % +\d+\.\d ms +country IE +20 +5 s$/m);
  assert.match(out, /^ +0\.4 % +\d+\.\d ms +distance$/m);
  assert.doesNotMatch(out, /^ {2}eu-west .*distance$/m, 'where there is one source only');
});

test('explain says of a member that it takes less at present', async (t) => {
  const node = await startFilled(t);
  const body = JSON.stringify({ place: 'aws:eu-west-1', dial: 40 });
  await node.controller.apply([{ kind: 'region', id: 'eu-west', body }], {
    actor: 't',
    summary: '',
  });
  const { out } = await node.run(['explain', 'www.example.com', '--client', '91.0.0.1']);
  assert.match(
    out,
    /^ {2}\* {2}eu-west +40\.0 % .* takes 40\.0 % at present: dial, ramp or load$/m,
  );
});

test('explain says NODATA for a family that no member has here', async (t) => {
  const node = await startFilled(t);
  const asked = ['explain', 'www.example.com', '--client', '91.0.0.1', '--type', 'aaaa'];
  const { out } = await node.run(asked);
  assert.match(out, /^ {5}eu-west .*has no address of this family$/m);
  assert.match(out, /2001:db8:3::10 {2}ap-south/);
});

test('explain says what a name is that is not steered', async (t) => {
  const node = await startFilled(t);
  const { code, out } = await node.run(['explain', 'mail.example.com', '--client', '91.0.0.1']);
  assert.equal(code, 0);
  assert.match(out, /^Name +static addresses$/m);
  assert.match(out, /^Answer {2}not steered/m);
});

test('explain --json prints the document of the API', async (t) => {
  const node = await startFilled(t);
  const asked = ['explain', 'www.example.com', '--client', '49.36.0.9/32', '--json'];
  const explanation = JSON.parse((await node.run(asked)).out);
  assert.deepEqual(explanation.answer, [{ member: 'ap-south', address: '203.0.113.10' }]);
});

test('explain refuses a client that is no address with the remedy', async (t) => {
  const node = await startFilled(t);
  const { code, err } = await node.run(['explain', 'www.example.com', '--client', 'dublin']);
  assert.equal(code, 1);
  assert.match(err, /"dublin".*;.*\(E_EXPLAIN_QUESTION\)/);
});

test('explain without a client is a usage error', async (t) => {
  const node = await startFilled(t);
  const { code, err } = await node.run(['explain', 'www.example.com']);
  assert.equal(code, 2);
  assert.match(err, /--client/);
  const wrong = await node.run(['explain', 'x.', '--client', '192.0.2.1', '--type', 'MX']);
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /choose A or AAAA/);
});
