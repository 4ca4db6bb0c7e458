import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { textsOf } from './support/ask.ts';
import {
  type RunningMeridian,
  runMeridian,
  startMeridian,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';
import { SteadyAsking } from './support/steady-asking.ts';

/** How long a busy machine may take, milliseconds: a query that is lost stays so. */
const patienceMs = 60_000;

/** Enough names that reading the store takes the successor a while, in which it can be killed. */
const names = 20_000;
const zone = `
$TTL 60
@ SOA ns1 hostmaster 1 7200 900 1209600 60
@ NS ns1
ns1 A 127.0.0.1
$GENERATE 0-${names - 1} h$ A 10.1.0.1
`;

const questions = {
  name: (number: number) => `h${number % names}.keep.test.`,
  rdata: '0a010001',
  patienceMs,
};

async function startNode(t: TestContext, flags: readonly string[] = []) {
  let data = '';
  // Whoever serves at the end is no child of this process.
  t.after(() => killIfThere(() => pidIn(data)));
  const folder = temporaryFolder(t);
  data = `${folder}/data`;
  writeFiles(folder, { 'zones/keep.test.zone': zone });
  const more = ['--workers', '2', ...flags];
  const node = await startMeridian(t, { zones: `${folder}/zones`, data, flags: more });
  return { node, data };
}

function pidIn(data: string): number {
  return Number(readFileSync(`${data}/meridian.pid`, 'utf8'));
}

function killIfThere(pid: () => number): void {
  try {
    process.kill(pid(), 'SIGKILL');
  } catch {
    // It is gone already, or was never there.
  }
}

/** Writes one name after the other until told to end; whoever heard of a success must be served. */
function writeOn({ port, api }: RunningMeridian) {
  const failures: string[] = [];
  let isOver = false;
  let writes = 0;
  const run = async () => {
    for (; !isOver; writes += 1) {
      const body = { ttl: 60, values: [`"${writes}"`] };
      const path = '/v1/zones/keep.test/rrsets/now/TXT';
      const response = await api('PUT', path, body, { connection: 'close' }).catch(String);
      if (typeof response === 'string' || !response.ok) {
        failures.push(typeof response === 'string' ? response : await response.text());
        continue;
      }
      await response.body?.cancel();
      const [text] = await textsOf(port, 'now.keep.test', 'TXT');
      if (text !== `"${writes}"`) failures.push(`${text} is served after "${writes}"`);
    }
  };
  const ended = run();
  const end = async () => {
    isOver = true;
    await ended;
    return { failures, writes };
  };
  return { end };
}

for (const io of ['batch', 'dgram'] as const) {
  test(`meridian restart loses no query and no change (--io ${io})`, async (t) => {
    const { node, data } = await startNode(t, ['--io', io]);
    const asking = await SteadyAsking.start(t, node.port, questions);
    const writing = writeOn(node);
    const pids = new Set([pidIn(data)]);
    for (let round = 1; round <= 3; round += 1) {
      const { code, output } = await runMeridian(t, ['restart', '--data', data], patienceMs);
      assert.equal(code, 0, output + node.output());
      pids.add(pidIn(data));
    }
    const { failures, writes } = await writing.end();
    await asking.end();
    assert.equal(pids.size, 4);
    assert.deepEqual(failures, []);
    assert.ok(writes > 3);
    const { asked, lost, wrong } = asking;
    t.diagnostic(`${asked} queries, ${writes} changes, three restarts`);
    assert.deepEqual({ lost, wrong }, { lost: 0, wrong: 0 });
  });
}

const childOf = (pid: number) =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]) ||
  undefined;

for (const [when, look] of [
  ['while it starts', (pid: number) => childOf(pid)],
  [
    'when it has the store',
    (pid: number, data: string) => (pidIn(data) === pid ? undefined : childOf(pid)),
  ],
] as const) {
  test(`a successor killed ${when} leaves the node serving`, async (t) => {
    const { node, data } = await startNode(t);
    const asking = await SteadyAsking.start(t, node.port, questions);
    const pid = pidIn(data);
    node.child.kill('SIGUSR2');
    const successor = await until(
      () => look(pid, data),
      () => 'a successor',
    );
    process.kill(successor, 'SIGKILL');
    await until(
      () => /goes on serving/.test(node.output()) || undefined,
      () => `the node to notice: ${node.output()}`,
    );
    const response = await node.api('PUT', '/v1/zones/keep.test/rrsets/after/TXT', {
      ttl: 60,
      values: ['"kept"'],
    });
    assert.ok(response.ok, await response.text());
    assert.deepEqual(await textsOf(node.port, 'after.keep.test', 'TXT'), ['"kept"']);
    await asking.end();
    assert.deepEqual([pidIn(data), asking.lost, asking.wrong], [pid, 0, 0]);
    const { code, output } = await runMeridian(t, ['restart', '--data', data], patienceMs);
    assert.equal(code, 0, output + node.output());
    assert.notEqual(pidIn(data), pid);
  });
}

test('meridian restart says that nothing serves from a data directory', async (t) => {
  const { code, output } = await runMeridian(t, ['restart', '--data', temporaryFolder(t)]);
  assert.equal(code, 1);
  assert.match(output, /no Meridian serves .*\(E_RESTART\)/);
});
