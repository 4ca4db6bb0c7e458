import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startMeridian, temporaryFolder, until, writeFiles } from './support/processes.ts';

const zone = `
$TTL 60
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
`;

test('a node announces itself while it answers its own queries, and withdraws before it stops', async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/any.test.zone': zone });
  const [hook, said] = [`${folder}/hook`, `${folder}/said`];
  writeFileSync(hook, `#!/bin/sh\necho "$1" >> ${said}\n`);
  chmodSync(hook, 0o755);
  const node = await startMeridian(t, {
    zones: `${folder}/zones`,
    data: `${folder}/data`,
    flags: ['--anycast-hook', hook],
  });
  const lines = () => (existsSync(said) ? readFileSync(said, 'utf8').trim().split('\n') : []);
  const hasSaid = (count: number) =>
    until(
      () => lines().length >= count || undefined,
      () => `${count} words of the hook: ${lines()}\n${node.output()}`,
    );
  await hasSaid(1);
  assert.equal((await fetch(`${node.url}/anycast`)).status, 200);

  // A node without a zone has nothing to answer.
  assert.equal((await node.api('DELETE', '/v1/zones/any.test')).status, 204);
  await hasSaid(2);
  const answer = await fetch(`${node.url}/anycast`);
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), { answers: false, reasons: ['no zone is served'] });

  const put = await fetch(`${node.url}/v1/zones/any.test`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${node.token}`, 'content-type': 'text/dns' },
    body: zone,
  });
  assert.ok(put.ok, await put.text());
  await hasSaid(3);
  await node.stop();
  assert.deepEqual(lines(), ['up', 'down', 'up', 'down']);
});
