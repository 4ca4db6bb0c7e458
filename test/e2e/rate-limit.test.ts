import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { makeRequest } from '../server/harness.ts';
import {
  freePort,
  missing,
  type RunningMeridian,
  startMeridian,
  temporaryFolder,
  writeFiles,
} from './support/processes.ts';
import { startNsd } from './support/real-servers.ts';
import { UdpChannel } from './support/udp-channel.ts';

type Context = Parameters<typeof startMeridian>[0] & Parameters<typeof temporaryFolder>[0];

const zone = `$TTL 300
@ SOA ns1 hostmaster 7 7200 900 1209600 60
@ NS ns1
ns1 A 192.0.2.53
`;
const question = 'ns1.limited.test. A';

async function start(t: Context, flags: readonly string[]): Promise<RunningMeridian> {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/limited.test.zone': zone });
  return startMeridian(t, { zones: `${folder}/zones`, data: `${folder}/data`, flags });
}

/** Keeps asking without cookies until the test ends. */
async function flood(t: Context, port: number): Promise<void> {
  const channel = await UdpChannel.open(t, port);
  const request = makeRequest(question, { edns: {} });
  const timer = setInterval(() => {
    for (let index = 0; index < 20; index += 1) channel.send(request);
  }, 5);
  t.after(async () => clearInterval(timer));
  await new Promise((done) => setTimeout(done, 300));
}

async function dig(port: number, ...words: readonly string[]): Promise<string> {
  const base = ['@127.0.0.1', '-p', String(port), '+norec', '+timeout=1', '+tries=15'];
  const { stdout } = await promisify(execFile)('dig', [...base, 'ns1.limited.test', ...words]);
  return stdout.replace(/[ \t]+/g, ' ');
}

async function metric(meridian: RunningMeridian, name: string): Promise<number> {
  const text = await (await fetch(`${meridian.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

const limited = ['--rrl', '1', '--rrl-exempt', 'none', '--io'];

for (const io of ['batch', 'dgram'] as const) {
  test(`a flooded address is limited with --io ${io}`, { skip: missing('dig') }, async (t) => {
    const meridian = await start(t, [...limited, io]);
    await flood(t, meridian.port);

    await t.test('dig with cookies gets BADCOOKIE, then its answer over UDP', async () => {
      const out = await dig(meridian.port, '+cookie');
      assert.match(out, /BADCOOKIE, retrying/);
      assert.match(out, /COOKIE: \w{48} \(good\)/);
      assert.match(out, /IN A 192\.0\.2\.53/);
      assert.match(out, /\(UDP\)/);
    });

    await t.test('dig without cookies gets TC, then its answer over TCP', async () => {
      const out = await dig(meridian.port, '+nocookie');
      assert.match(out, /Truncated, retrying in TCP mode/);
      assert.match(out, /IN A 192\.0\.2\.53/);
    });

    await t.test('the metrics tell', async () => {
      const suppressed = await metric(meridian, 'meridian_limited_answers_total');
      const slipped = await metric(meridian, 'meridian_slipped_answers_total');
      assert.ok(suppressed > 100, `${suppressed} suppressed`);
      assert.ok(Math.abs(slipped / suppressed - 0.5) < 0.15, `${slipped} of ${suppressed}`);
    });
  });
}

test('loopback is not limited unless it is asked for', async (t) => {
  const meridian = await start(t, ['--rrl', '1']);
  const channel = await UdpChannel.open(t, meridian.port);
  for (let id = 0; id < 200; id += 1) {
    const answer = await channel.ask(makeRequest(question, { id }));
    assert.equal(answer?.readUInt16BE(6), 1, `answer ${id}`);
  }
});

test('nodes that share a secret believe each other', { skip: missing('dig') }, async (t) => {
  const secret = ['--cookie-secret', 'e5e973e5a6b2a43f48e7dc849e37bfcf'];
  const [one, two] = [await start(t, secret), await start(t, [...secret, ...limited, 'dgram'])];
  const [, cookie = ''] = /COOKIE: (\w{48}) \(good\)/.exec(await dig(one.port, '+cookie')) ?? [];
  await flood(t, two.port);
  for (let round = 0; round < 5; round += 1) {
    const out = await dig(two.port, '+tries=1', '+nobadcookie', `+cookie=${cookie}`);
    assert.match(out, /IN A 192\.0\.2\.53/);
    assert.match(out, /COOKIE: \w{48} \(good\)/);
  }
});

test('NSD and Meridian behind one address believe each other', {
  skip: missing('dig', 'nsd'),
}, async (t) => {
  const secret = 'e5e973e5a6b2a43f48e7dc849e37bfcf';
  const meridian = await start(t, ['--cookie-secret', secret]);
  const nsdPort = await freePort();
  const cookieLines = ['answer-cookie: yes', `cookie-secret: "${secret}"`];
  const folder = temporaryFolder(t);
  await startNsd(t, folder, '127.0.0.1', nsdPort, { 'limited.test': zone }, cookieLines);
  for (const [from, to] of [
    [meridian.port, nsdPort],
    [nsdPort, meridian.port],
  ] as const) {
    const [, cookie = ''] = /COOKIE: (\w{48}) \(good\)/.exec(await dig(from, '+cookie')) ?? [];
    // One that is believed comes back as it is; another would come back with a later time.
    await new Promise((done) => setTimeout(done, 1100));
    assert.ok((await dig(to, `+cookie=${cookie}`)).includes(`COOKIE: ${cookie} (good)`), cookie);
    const forged = `${cookie.slice(0, -1)}${cookie.endsWith('0') ? '1' : '0'}`;
    assert.doesNotMatch(await dig(to, `+cookie=${forged}`), new RegExp(`COOKIE: ${forged}`));
  }
});
