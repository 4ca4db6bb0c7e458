import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import { parseIp, parsePrefix } from '../../src/base/ip.ts';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import { createCounters, sumCounters } from '../../src/server/counters.ts';
import { emptyImage, updateImage } from '../../src/server/image.ts';
import { protectionSettings } from '../../src/server/protection-settings.ts';
import { Responder } from '../../src/server/responder.ts';
import { defaultSettings, type ServerSettings } from '../../src/server/settings.ts';
import { ask, makeOpt, makeRequest, makeUpdate, type RequestOptions, testPeer } from './harness.ts';
import { type ReadAnswer, readAnswer } from './read-answer.ts';

const zone = `$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 60
@    NS ns1
ns1  A 192.0.2.53
big  TXT ${Array.from({ length: 4 }, () => `"${'x'.repeat(250)}"`).join(' ')}
fit  TXT "${'x'.repeat(250)}" "${'y'.repeat(176)}"
tight TXT "${'x'.repeat(250)}" "${'y'.repeat(175)}"
`;
const update = makeUpdate({ 'example.com.': zone });
const cookie = '0011223344556677';

function makeServer(settings: Partial<ServerSettings> = protectionSettings({})) {
  const clock = new VirtualClock();
  const counters = createCounters();
  const responder = new Responder({ ...defaultSettings, ...settings }, counters, 1, clock);
  responder.image = updateImage(emptyImage, update);
  const advance = (ms: number) => {
    clock.advance(ms);
    responder.time.tick();
  };
  return { responder, advance, counts: () => sumCounters([counters]) };
}

const withCookie = (hex: string): RequestOptions => ({ edns: { options: [[10, hex]] } });

/** Asks so often; what comes back, undefined where nothing does. */
function flood(
  responder: Responder,
  count: number,
  options: RequestOptions = {},
): (ReadAnswer | undefined)[] {
  const peer = parseIp(options.peer ?? '') ?? testPeer;
  const request = makeRequest('ns1.example.com. A', options);
  return Array.from({ length: count }, () => {
    const answer = answerDatagram(responder, request, peer, options.transport);
    return answer && readAnswer(answer);
  });
}

const answered = (answers: readonly (ReadAnswer | undefined)[]) =>
  answers.filter((answer) => answer?.answer.length === 1).length;

test('answerQuery(): of what goes over the rate, one in two is sent with TC without records', () => {
  const { responder, counts } = makeServer();
  const answers = flood(responder, 525);
  assert.equal(answered(answers.slice(0, 125)), 125);
  const hints = answers.slice(125).filter((answer) => answer !== undefined);
  assert.ok(Math.abs(hints.length - 200) < 40, `${hints.length}`);
  const request = makeRequest('ns1.example.com. A');
  for (const { flags, rcode, question, bytes } of hints) {
    assert.deepEqual([flags, rcode, question], ['qr tc', 'NOERROR', 'ns1.example.com. A']);
    assert.equal(bytes, request.length);
  }
  const { limited, slipped, queries, dropped } = counts();
  assert.deepEqual([limited, slipped, queries.udp, dropped], [400, hints.length, 525, 0]);
});

test('answerQuery(): errors and negative answers count as answers do', () => {
  const { responder } = makeServer(protectionSettings({ rateLimit: { slip: 0 } }));
  const refused = makeRequest('other.example. A');
  const malformed = Buffer.from('123400000002000000000000', 'hex');
  const passed = (request: Uint8Array) =>
    Array.from({ length: 100 }, () => answerDatagram(responder, request, testPeer)).filter(
      (answer) => answer !== undefined,
    ).length;
  assert.equal(passed(refused), 100);
  assert.equal(passed(malformed), 25);
});

test('answerQuery(): a limited request that cannot be read gets its error, which is no longer', () => {
  const { responder } = makeServer(protectionSettings({ rateLimit: { slip: 1 } }));
  flood(responder, 125);
  const malformed = Buffer.from('123400000002000000000000', 'hex');
  const answer = answerDatagram(responder, malformed, testPeer) ?? assert.fail();
  assert.equal(readAnswer(answer).rcode, 'FORMERR');
  assert.equal(answer.length, 12);
});

test('answerQuery(): streams are never limited', () => {
  const { responder } = makeServer();
  assert.equal(answered(flood(responder, 500, { transport: 1 })), 500);
  assert.equal(answered(flood(responder, 500)), 125);
});

test('answerQuery(): loopback is exempt until the operator says otherwise', () => {
  const { responder } = makeServer();
  assert.equal(answered(flood(responder, 500, { peer: '127.9.9.9' })), 500);
  assert.equal(answered(flood(responder, 500, { peer: '::1' })), 500);
  const exempt = [parsePrefix('192.0.2.0/24') ?? assert.fail()];
  const strict = makeServer(protectionSettings({ rateLimit: { exempt } })).responder;
  assert.equal(answered(flood(strict, 500, { peer: '127.9.9.9' })), 125);
  assert.equal(answered(flood(strict, 500)), 500);
});

test('answerQuery(): a rate of 0 limits nobody', () => {
  const { responder } = makeServer(protectionSettings({ rateLimit: { perSecond: 0 } }));
  assert.equal(answered(flood(responder, 5000)), 5000);
});

test('answerQuery(): the rate comes back with time', () => {
  const { responder, advance } = makeServer();
  flood(responder, 500);
  advance(1000);
  assert.equal(answered(flood(responder, 500)), 50);
});

test('answerQuery(): whoever sends a client cookie gets a server cookie (RFC 7873 §5.2.3)', () => {
  const { responder } = makeServer();
  for (const transport of [0, 1]) {
    const { opt, rcode } = ask(responder, 'ns1.example.com. A', {
      ...withCookie(cookie),
      transport,
    });
    assert.equal(rcode, 'NOERROR');
    assert.match(opt?.options[10] ?? '', new RegExp(`^${cookie}01000000[0-9a-f]{24}$`));
  }
  assert.deepEqual(ask(responder, 'ns1.example.com. A', { edns: {} }).opt?.options, {});
});

test('answerQuery(): without cookie settings cookies are unknown options', () => {
  const { responder } = makeServer({});
  const { opt } = ask(responder, 'ns1.example.com. A', withCookie(cookie));
  assert.deepEqual(opt?.options, {});
});

test('answerQuery(): cookies go along in errors, referrals to TC and truncated answers', () => {
  const { responder } = makeServer();
  for (const [question, rcode] of [
    ['none.example.com. A', 'NXDOMAIN'],
    ['other.example. A', 'REFUSED'],
    ['example.com. AXFR', 'REFUSED'],
    ['big.example.com. TXT', 'NOERROR'],
  ] as const) {
    const answer = ask(responder, question, {
      edns: { payload: 512, options: [[10, cookie]] },
    });
    assert.equal(answer.rcode, rcode);
    assert.equal(answer.opt?.options[10]?.length, 48, question);
  }
  const tooLate = {
    edns: { options: [[10, cookie] as [number, string], [8, '0001'] as [number, string]] },
  };
  const malformed = ask(responder, 'ns1.example.com. A', tooLate);
  assert.equal(malformed.rcode, 'FORMERR');
  assert.equal(malformed.opt?.options[10]?.length, 48);
});

test('answerQuery(): room is kept for the cookie (RFC 6891 §7)', () => {
  const { responder } = makeServer();
  const edns = { payload: 512 };
  const cookies = { payload: 512, options: [[10, cookie]] as [number, string][] };
  assert.equal(ask(responder, 'fit.example.com. TXT', { edns }).bytes, 512 - 28);
  const exact = ask(responder, 'fit.example.com. TXT', { edns: cookies });
  assert.deepEqual([exact.flags, exact.bytes], ['qr aa', 512]);
  assert.equal(ask(responder, 'tight.example.com. TXT', { edns }).flags, 'qr aa');
  const tight = ask(responder, 'tight.example.com. TXT', { edns: cookies });
  assert.equal(tight.flags, 'qr aa tc');
  assert.equal(tight.opt?.options[10]?.length, 48);
});

test('answerQuery(): the first of several cookies counts (RFC 7873 §5.2)', () => {
  const { responder } = makeServer();
  const { opt } = ask(responder, 'ns1.example.com. A', {
    edns: {
      options: [
        [10, cookie],
        [10, 'ffffffffffffffff'],
      ],
    },
  });
  assert.equal(opt?.options[10]?.slice(0, 16), cookie);
});

test('answerQuery(): a valid cookie is exempt from the rate, and for its client alone', () => {
  const { responder } = makeServer();
  const learned = ask(responder, 'ns1.example.com. A', withCookie(cookie)).opt?.options[10] ?? '';
  flood(responder, 500);
  assert.equal(answered(flood(responder, 500, withCookie(learned))), 500);
  const stolen = { ...withCookie(learned), peer: '198.51.100.9' };
  assert.equal(answered(flood(responder, 500, stolen)), 125);
});

test('answerQuery(): a limited client with a client cookie gets BADCOOKIE and one that works', () => {
  const { responder } = makeServer(protectionSettings({ rateLimit: { slip: 1 } }));
  flood(responder, 125);
  for (const sent of [cookie, `${cookie}01000000000000000000000000000000`]) {
    const [hint] = flood(responder, 1, withCookie(sent));
    assert.equal(hint?.rcode, 'BADCOOKIE');
    assert.equal(hint?.flags, 'qr');
    assert.equal(answered(flood(responder, 300, withCookie(hint?.opt?.options[10] ?? ''))), 300);
  }
});

test('answerQuery(): a cookie can be asked for without a question (RFC 7873 §5.4)', () => {
  const { responder } = makeServer();
  const header = Buffer.from('123400000000000000000001', 'hex');
  const askCookie = (hex?: string) => {
    const options = hex === undefined ? [] : [[10, hex] as [number, string]];
    const request = Buffer.concat([header, makeOpt({ options })]);
    return readAnswer(answerDatagram(responder, request, testPeer) ?? assert.fail());
  };
  const got = askCookie(cookie);
  const learned = got.opt?.options[10] ?? '';
  assert.deepEqual([got.rcode, got.question, learned.length], ['NOERROR', '', 48]);
  assert.equal(askCookie(learned).rcode, 'NOERROR');
  assert.equal(askCookie(`${cookie}0100000000000000ffffffffffffffff`).rcode, 'BADCOOKIE');
  assert.equal(askCookie().rcode, 'FORMERR');
});
