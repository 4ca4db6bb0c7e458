import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { textsOf } from './support/ask.ts';
import {
  type RunningMeridian,
  startMeridian,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';

const seed = Number(process.env['TEST_SEED'] ?? 1);

const zone = `
$TTL 60
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
www STEER web
`;
const traffic = `
regions:
  east: { place: aws:us-east-1 }
  west: { place: aws:eu-west-1 }
services:
  web:
    members:
      east: { a: [192.0.2.10] }
      west: { a: [198.51.100.10] }
    policy: { failover: [west, east] }
`;

type Test = { after(callback: () => void | Promise<void>): void };

/** A node on a folder of its own, and how to start it there again. */
async function startNode(t: Test) {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/keep.test.zone': zone, 'zones/traffic.yaml': traffic });
  const start = () => startMeridian(t, { zones: `${folder}/zones`, data: `${folder}/data` });
  return { node: await start(), start };
}

const rrsetPath = (name: string) => `/v1/zones/keep.test/rrsets/${name}/TXT`;

async function write(node: RunningMeridian, name: string, value: string): Promise<Response> {
  return node.api('PUT', rrsetPath(name), { ttl: 60, values: [`"${value}"`] });
}

const served = (node: RunningMeridian, name: string) =>
  textsOf(node.port, `${name}.keep.test`, 'TXT');

/** All items of a list of the API, page by page. */
async function listAll(node: RunningMeridian, path: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let cursor = '';
  do {
    const response = await node.api('GET', `${path}?limit=50${cursor}`);
    assert.equal(response.status, 200, await response.clone().text());
    const page = (await response.json()) as {
      items: Record<string, unknown>[];
      next: string | null;
    };
    items.push(...page.items);
    cursor = page.next === null ? '' : `&cursor=${encodeURIComponent(page.next)}`;
  } while (cursor !== '');
  return items;
}

test(`kill -9 right after a 2xx loses nothing (seed ${seed})`, async (t) => {
  const random = new Random(seed);
  const { node: first, start } = await startNode(t);
  const kept = new Map<string, string>();
  let node = first;
  let unanswered = 0;
  for (let round = 0; round < 6; round += 1) {
    // Several writers; the process is killed in the moment in which one of them hears of a success.
    const killAt = 1 + random.below(12);
    let answered = 0;
    const writer = async (number: number) => {
      for (let index = 0; ; index += 1) {
        const [name, value] = [`n${random.below(20)}-${number}`, `${round}.${number}.${index}`];
        const before = kept.get(name);
        // Until the answer is here either value may be found after a restart.
        kept.set(name, `${before ?? ''}|${value}`);
        const response = await write(node, name, value).catch(() => undefined);
        if (response === undefined) {
          unanswered += 1;
          return;
        }
        assert.ok(response.ok, await response.text());
        kept.set(name, value);
        answered += 1;
        if (answered === killAt) node.child.kill('SIGKILL');
      }
    };
    await Promise.all([writer(0), writer(1), writer(2)]);
    assert.ok(answered >= killAt);
    await node.stop('SIGKILL');
    node = await start();
    for (const [name, values] of kept) {
      const [text] = await served(node, name);
      const found = text === 'rcode 3' ? '' : (text ?? '').replaceAll('"', '');
      assert.ok(
        values.split('|').includes(found),
        `${name}: ${found}, not ${values} (seed ${seed})`,
      );
      kept.set(name, found);
      const response = await node.api('GET', rrsetPath(name));
      if (found === '') assert.equal(response.status, 404);
      else
        assert.deepEqual(((await response.json()) as { values: string[] }).values, [`"${found}"`]);
    }
  }
  const revisions = await listAll(node, '/v1/revisions');
  const audit = await listAll(node, '/v1/audit');
  assert.equal(audit.length, revisions.length);
  t.diagnostic(`${revisions.length} revisions, ${unanswered} writes were cut off`);
});

test('a change is served when its 2xx arrives, and successes = revisions = audit entries', async (t) => {
  const { node } = await startNode(t);
  const revisionsBefore = (await listAll(node, '/v1/revisions')).length;
  const auditBefore = (await listAll(node, '/v1/audit')).length;
  const writes = 60;
  for (let index = 0; index < writes; index += 1) {
    const response = await write(node, 'now', String(index));
    assert.ok(response.ok);
    assert.deepEqual(await served(node, 'now'), [`"${index}"`]);
  }
  const same = await write(node, 'now', String(writes - 1));
  assert.ok(same.ok);
  const refused = await node.api('PUT', rrsetPath('now'), { ttl: -1, values: ['x'] });
  assert.equal(refused.status, 422);
  const dry = await node.api('PUT', `${rrsetPath('now')}?dryRun=1`, { ttl: 1, values: ['"dry"'] });
  assert.equal(dry.status, 200);
  assert.deepEqual(await served(node, 'now'), [`"${writes - 1}"`]);
  const revisions = await listAll(node, '/v1/revisions');
  assert.equal(revisions.length - revisionsBefore, writes);
  assert.equal((await listAll(node, '/v1/audit')).length - auditBefore, writes);
  const numbers = revisions.map((revision) => revision['number']);
  assert.deepEqual(
    numbers,
    revisions.map((_, index) => revisions.length - index),
  );
});

test('of writers with the same If-Match one wins, and the others change nothing', async (t) => {
  const { node } = await startNode(t);
  await write(node, 'tag', 'first');
  const etag = (await node.api('GET', rrsetPath('tag'))).headers.get('etag') ?? '';
  const bodies = Array.from({ length: 8 }, (_, index) => ({ ttl: 60, values: [`"w${index}"`] }));
  const responses = await Promise.all(
    bodies.map((body) => node.api('PUT', rrsetPath('tag'), body, { 'if-match': etag })),
  );
  const statuses = responses.map(({ status }) => status);
  assert.deepEqual(statuses.toSorted(), [200, 412, 412, 412, 412, 412, 412, 412]);
  assert.deepEqual(await served(node, 'tag'), [`"w${statuses.indexOf(200)}"`]);
  const lost = responses[statuses.indexOf(412)];
  const problem = (await lost?.json()) as { code: string };
  assert.equal(problem.code, 'E_PRECONDITION');
  const fresh = (await node.api('GET', rrsetPath('tag'))).headers.get('etag') ?? '';
  assert.notEqual(fresh, etag);
  const next = await node.api('PUT', rrsetPath('tag'), bodies[0], { 'if-match': fresh });
  assert.equal(next.status, 200);
  assert.deepEqual(await served(node, 'tag'), ['"w0"']);
});

test('a region that is taken out with an expiry comes back, also across a kill', async (t) => {
  const { node, start } = await startNode(t);
  const www = (at: RunningMeridian) => textsOf(at.port, 'www.keep.test', 'A');
  const [west, east] = [['198.51.100.10'], ['192.0.2.10']];
  assert.deepEqual(await www(node), west);
  const out = await node.api('PUT', '/v1/regions/west', { state: 'down', expires: '1s' });
  assert.equal(out.status, 200, await out.text());
  assert.deepEqual(await www(node), east);
  const isBack = async (at: RunningMeridian) => (await www(at))[0] === west[0] || undefined;
  await until(
    () => isBack(node),
    () => 'the region to come back',
  );
  const region = (await (await node.api('GET', '/v1/regions/west')).json()) as { state: string };
  assert.equal(region.state, 'active');
  const [newest] = await listAll(node, '/v1/revisions');
  assert.equal(newest?.['actor'], 'expiry');

  const again = await node.api('PUT', '/v1/regions/west', { dial: 0, expires: '2s' });
  const { expiry } = (await again.json()) as { expiry: { at: string } };
  assert.deepEqual(await www(node), east);
  await node.stop('SIGKILL');
  const restarted = await start();
  await until(
    () => isBack(restarted),
    () => 'the region to come back after a restart',
  );
  assert.ok(Date.now() >= Date.parse(expiry.at), 'came back before its time');
});

test('a rollback serves what an earlier revision said', async (t) => {
  const { node, start } = await startNode(t);
  const revisionOf = (response: Response) => Number(response.headers.get('x-revision'));
  const one = revisionOf(await write(node, 'back', 'one'));
  await write(node, 'back', 'two');
  await write(node, 'added', 'later');
  const response = await node.api('POST', `/v1/revisions/${one}/rollback`);
  assert.ok(response.ok, await response.text());
  assert.deepEqual(await served(node, 'back'), ['"one"']);
  assert.deepEqual(await served(node, 'added'), ['rcode 3']);
  assert.equal(revisionOf(response), one + 3);
  await node.stop('SIGKILL');
  const restarted = await start();
  assert.deepEqual(await served(restarted, 'back'), ['"one"']);
  assert.deepEqual(await served(restarted, 'added'), ['rcode 3']);
});
