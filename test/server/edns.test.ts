import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix } from '../../src/base/ip.ts';
import { encodeClientMap } from '../../src/geo/client-map.ts';
import type { Choice } from '../../src/policy/choice.ts';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import {
  ask,
  type EdnsOptions,
  makeOpt,
  makeRequest,
  makeResponder,
  makeUpdate,
  testPeer,
} from './harness.ts';
import { readAnswer } from './read-answer.ts';

const many = (count: number) =>
  Array.from({ length: count }, (_, i) => `many A 192.0.2.${i + 1}`).join('\n');

const zone = `$TTL 300
@     SOA ns1 hostmaster 1 7200 900 1209600 60
@     NS ns1
ns1   A 192.0.2.53
www   STEER web
geo   STEER geo
v4    STEER geo
togeo CNAME geo
big   TXT ${Array.from({ length: 4 }, () => `"${'x'.repeat(200)}"`).join(' ')}
tobig CNAME big
huge  TXT ${Array.from({ length: 8 }, () => `"${'x'.repeat(200)}"`).join(' ')}
sub   NS ns.sub
sub   NS ns2.sub
${many(60)}
${Array.from({ length: 16 }, (_, i) => `ns.sub A 192.0.2.${i + 1}\nns2.sub A 198.51.100.${i + 1}`).join('\n')}
mx    MX 10 ns1
mx    MX 20 many
`;

const member = (address: string): Choice => ({
  kind: 'fixed',
  vips: [{ member: address, address }],
});

// 203.0.112.0 to 203.0.113.127 is class 1, 2001:db8::/33 too, all the rest class 0.
const map = encodeClientMap(
  {
    family: 4,
    count: 3,
    starts: Uint32Array.of(0, 0xcb007000, 0xcb007180),
    values: Uint32Array.of(0, 1, 0),
  },
  {
    family: 6,
    count: 3,
    starts: Uint32Array.of(0, 0, 0, 0, 0x20010db8, 0, 0, 0, 0x20010db8, 0x80000000, 0, 0),
    values: Uint32Array.of(0, 1, 0),
  },
  2,
);

const update = makeUpdate(
  { 'example.com.': zone },
  {
    web: { a: ['198.51.100.1'] },
    geo: { mapSlot: 0, classes: [member('198.51.100.10'), member('198.51.100.11')] },
  },
  [map],
);
const responder = makeResponder(update);

test('answerQuery(): sends no OPT unasked', () => {
  assert.equal(ask(responder, 'ns1.example.com. A').opt, undefined);
});

const ednsCases: Record<string, { edns: EdnsOptions; rcode?: string }> = {
  'plain OPT': { edns: {} },
  'unknown option ignored (RFC 6891 §6.1.2)': { edns: { options: [[65001, 'abcdef']] } },
  'unknown flags not echoed (RFC 6891 §6.1.4)': { edns: { flags: 0x7fff } },
  'version 1 is BADVERS (RFC 6891 §6.1.3)': { edns: { version: 1 }, rcode: 'BADVERS' },
  'version 1 with malformed options is BADVERS': {
    edns: { version: 1, options: [[8, '00']] },
    rcode: 'BADVERS',
  },
  'DO copied (RFC 3225 §3)': { edns: { dnssecOk: true } },
  'client cookie (RFC 7873)': { edns: { options: [[10, '0102030405060708']] } },
  'cookie too short (RFC 7873 §5.2.2)': {
    edns: { options: [[10, '01020304050607']] },
    rcode: 'FORMERR',
  },
  'cookie of 9 octets': { edns: { options: [[10, '010203040506070809']] }, rcode: 'FORMERR' },
  'cookie of 41 octets': { edns: { options: [[10, '01'.repeat(41)]] }, rcode: 'FORMERR' },
  'keepalive never over UDP (RFC 7828 §3.2.1)': { edns: { options: [[11, '']] } },
  'NSID unknown unless set': { edns: { options: [[3, '']] } },
};

for (const [concept, { edns, rcode = 'NOERROR' }] of Object.entries(ednsCases)) {
  test(`answerQuery(): EDNS, ${concept}`, () => {
    const { opt, rcode: got } = ask(responder, 'ns1.example.com. A', { edns });
    assert.equal(got, rcode);
    const dnssecOk = edns.dnssecOk ?? false;
    // The harness's `flags` never holds DO.
    assert.deepEqual(opt, { payload: 1232, version: 0, dnssecOk, options: {} });
  });
}

const withRecords = (additional: Buffer[], counts: [number, number, number]) => {
  const request = Buffer.concat([makeRequest('ns1.example.com. A'), ...additional]);
  for (const [index, count] of counts.entries()) request.writeUInt16BE(count, 6 + index * 2);
  const answer = answerDatagram(responder, request, testPeer);
  assert.ok(answer);
  return readAnswer(answer);
};

test('answerQuery(): two OPTs are FORMERR (RFC 6891 §6.1.1)', () => {
  const got = withRecords([makeOpt({}), makeOpt({})], [0, 0, 2]);
  assert.equal(got.rcode, 'FORMERR');
  assert.ok(got.opt);
});

test('answerQuery(): OPT that the root does not own is FORMERR', () => {
  const got = withRecords([Buffer.from([1, 0x61]), makeOpt({})], [0, 0, 1]);
  assert.equal(got.rcode, 'FORMERR');
});

test('answerQuery(): OPT in the authority section is FORMERR', () => {
  assert.equal(withRecords([makeOpt({})], [0, 1, 0]).rcode, 'FORMERR');
});

test('answerQuery(): OPT is found before and behind other additional records', () => {
  const record = Buffer.from([0xc0, 0x0c, 0, 16, 0, 1, 0, 0, 0, 0, 0, 2, 1, 0x61]);
  assert.ok(withRecords([makeOpt({}), record], [0, 0, 2]).opt);
  assert.ok(withRecords([record, makeOpt({})], [0, 0, 2]).opt);
});

test('answerQuery(): a record cut short is FORMERR, with the question and without OPT', () => {
  const got = withRecords([makeOpt({ options: [[65001, 'aabb']] }).subarray(0, -1)], [0, 0, 1]);
  assert.equal(got.rcode, 'FORMERR');
  assert.equal(got.question, 'ns1.example.com. A');
  assert.equal(got.opt, undefined);
});

test('answerQuery(): an option beyond its OPT is FORMERR', () => {
  const opt = makeOpt({ options: [[65001, 'aabb']] });
  opt.writeUInt16BE(3, opt.length - 4);
  assert.equal(withRecords([opt], [0, 0, 1]).rcode, 'FORMERR');
});

test('answerQuery(): octets behind the last record are tolerated', () => {
  assert.equal(withRecords([Buffer.from('garbage')], [0, 0, 0]).rcode, 'NOERROR');
});

test('answerQuery(): NSID goes to who asks (RFC 5001 §2.1)', () => {
  const named = makeResponder(update, { nsid: Buffer.from('node-7') });
  const asked = ask(named, 'ns1.example.com. A', { edns: { options: [[3, '']] } });
  assert.equal(asked.opt?.options[3], Buffer.from('node-7').toString('hex'));
  assert.deepEqual(ask(named, 'ns1.example.com. A', { edns: {} }).opt?.options, {});
});

test('answerQuery(): keepalive over TCP gives the idle timeout in units of 100 ms', () => {
  const got = ask(responder, 'ns1.example.com. A', { edns: { options: [[11, '']] }, transport: 1 });
  assert.equal(got.opt?.options[11], '0064');
});

test('answerQuery(): SERVFAIL with EDE 14 while there is no image yet (RFC 8914 §4.15)', () => {
  const empty = makeResponder({ epoch: 0, revision: 0, zones: [], services: [], maps: [] });
  const got = ask(empty, 'www.example.com. A', { edns: {} });
  assert.equal(got.rcode, 'SERVFAIL');
  assert.equal(got.opt?.options[15], '000e');
});

test('answerQuery(): REFUSED outside our zones carries EDE 20 (RFC 8914 §4.21)', () => {
  const got = ask(responder, 'example.net. A', { edns: {} });
  assert.equal(got.opt?.options[15], '0014');
});

const subnet = (family: number, source: number, scope: number, address: string) =>
  Buffer.from([0, family, source, scope, ...Buffer.from(address, 'hex')]).toString('hex');

/** Question; option sent; option back (undefined: FORMERR); A in the answer. */
const ecsCases: Record<string, [string, string, string | undefined, string?]> = {
  'static answers have scope 0 (RFC 7871 §7.2.1)': [
    'ns1.example.com. A',
    subnet(1, 24, 0, 'cb0071'),
    subnet(1, 24, 0, 'cb0071'),
  ],
  'negative answers have scope 0 (RFC 7871 §7.4)': [
    'geo.example.com. AAAA',
    subnet(1, 24, 0, 'cb0071'),
    subnet(1, 24, 0, 'cb0071'),
  ],
  'a service for all clients alike has scope 0': [
    'www.example.com. A',
    subnet(1, 24, 0, 'cb0071'),
    subnet(1, 24, 0, 'cb0071'),
    '198.51.100.1',
  ],
  'steered by subnet, the scope that the map needs': [
    'geo.example.com. A',
    subnet(1, 24, 0, 'cb0070'),
    subnet(1, 24, 24, 'cb0070'),
    '198.51.100.11',
  ],
  'scope longer than the source': [
    'geo.example.com. A',
    subnet(1, 24, 0, 'cb0071'),
    subnet(1, 24, 25, 'cb0071'),
    '198.51.100.11',
  ],
  'scope far from every border': [
    'geo.example.com. A',
    subnet(1, 24, 0, '010203'),
    subnet(1, 24, 1, '010203'),
    '198.51.100.10',
  ],
  'steered through a CNAME': [
    'togeo.example.com. A',
    subnet(1, 24, 0, 'cb0070'),
    subnet(1, 24, 24, 'cb0070'),
    '198.51.100.11',
  ],
  IPv6: [
    'geo.example.com. A',
    subnet(2, 56, 0, '20010db8000000'),
    subnet(2, 56, 33, '20010db8000000'),
    '198.51.100.11',
  ],
  'source 0: the resolver is the client, scope 0 (RFC 7871 §7.1.2)': [
    'geo.example.com. A',
    subnet(1, 0, 0, ''),
    subnet(1, 0, 0, ''),
    '198.51.100.10',
  ],
  'family 0 with nothing in it': [
    'geo.example.com. A',
    subnet(0, 0, 0, ''),
    subnet(0, 0, 0, ''),
    '198.51.100.10',
  ],
  'bits beyond the prefix': ['geo.example.com. A', subnet(1, 23, 0, 'cb0071'), undefined],
  'address shorter than the prefix': ['geo.example.com. A', subnet(1, 24, 0, 'cb00'), undefined],
  'address longer than the prefix': ['geo.example.com. A', subnet(1, 16, 0, 'cb0000'), undefined],
  'scope in a query': ['geo.example.com. A', subnet(1, 24, 24, 'cb0071'), undefined],
  'prefix over 32': ['geo.example.com. A', subnet(1, 33, 0, 'cb00710000'), undefined],
  'prefix over 128': ['geo.example.com. A', subnet(2, 129, 0, '00'.repeat(17)), undefined],
  'unknown family': ['geo.example.com. A', subnet(3, 24, 0, 'cb0071'), undefined],
  'cut short': ['geo.example.com. A', '000118', undefined],
};

for (const [concept, [question, sent, back, address]] of Object.entries(ecsCases)) {
  test(`answerQuery(): ECS, ${concept}`, () => {
    const got = ask(responder, question, { edns: { options: [[8, sent]] } });
    assert.equal(got.rcode, back === undefined ? 'FORMERR' : 'NOERROR');
    if (back !== undefined) assert.equal(got.opt?.options[8], back);
    if (address !== undefined) assert.ok(got.answer.at(-1)?.endsWith(` A ${address}`));
  });
}

test('answerQuery(): without ECS the peer is the client, and no option goes back', () => {
  const got = ask(responder, 'geo.example.com. A', { edns: {}, peer: '203.0.113.5' });
  assert.deepEqual(got.answer, ['geo.example.com. 30 A 198.51.100.11']);
  assert.deepEqual(got.opt?.options, {});
});

test('answerQuery(): client subnets from resolvers not listed are ignored, malformed ones too', () => {
  const from = [parsePrefix('198.51.100.0/24') ?? assert.fail()];
  const choosy = makeResponder(update, { ecs: { allow: true, from } });
  const edns = { options: [[8, subnet(1, 24, 0, 'cb0070')]] as [number, string][] };
  const ignored = ask(choosy, 'geo.example.com. A', { edns, peer: '192.0.2.1' });
  assert.deepEqual(ignored.answer, ['geo.example.com. 30 A 198.51.100.10']);
  assert.deepEqual(ignored.opt?.options, {});
  const used = ask(choosy, 'geo.example.com. A', { edns, peer: '198.51.100.77' });
  assert.deepEqual(used.answer, ['geo.example.com. 30 A 198.51.100.11']);
  const malformed = { options: [[8, '00']] as [number, string][] };
  assert.equal(ask(choosy, 'geo.example.com. A', { edns: malformed }).rcode, 'NOERROR');
  const off = makeResponder(update, { ecs: { allow: false } });
  assert.deepEqual(ask(off, 'geo.example.com. A', { edns }).opt?.options, {});
});

const sizes: [string, string, EdnsOptions | undefined, number, boolean][] = [
  ['without EDNS 512 octets', 'big', undefined, 512, true],
  ['a size below 512 means 512 (RFC 6891 §6.2.3)', 'big', { payload: 100 }, 512, true],
  ['a larger answer fits 1,232', 'big', { payload: 4096 }, 1232, false],
  ['never over 1,232', 'huge', { payload: 4096 }, 1232, true],
  ['a CNAME whose target does not fit', 'tobig', undefined, 512, true],
  ['an RRset that does not fit whole (RFC 2181 §9)', 'many', { payload: 512 }, 512, true],
];

for (const [concept, label, edns, limit, isTruncated] of sizes) {
  test(`answerQuery(): truncation, ${concept}`, () => {
    const type = label === 'many' ? 'A' : 'TXT';
    const options = edns === undefined ? {} : { edns };
    const got = ask(responder, `${label}.example.com. ${type}`, options);
    assert.equal(got.flags, isTruncated ? 'qr aa tc' : 'qr aa');
    assert.ok(got.bytes <= limit);
    assert.equal(got.opt !== undefined, edns !== undefined);
    if (isTruncated) assert.deepEqual(got.answer, []);
    const whole = ask(responder, `${label}.example.com. ${type}`, { ...options, transport: 1 });
    assert.equal(whole.flags, 'qr aa');
    assert.ok(whole.answer.length > 0);
  });
}

test('answerQuery(): a referral without room for all in-domain glue has TC (RFC 9471 §3.1)', () => {
  const got = ask(responder, 'x.sub.example.com. A');
  assert.equal(got.flags, 'qr tc');
  assert.equal(got.authority.length, 2);
  assert.deepEqual(got.additional, []);
  const whole = ask(responder, 'x.sub.example.com. A', { edns: {} });
  assert.equal(whole.flags, 'qr');
  assert.equal(whole.additional.length, 32);
});

test('answerQuery(): additional addresses go along as whole RRsets, without TC', () => {
  const got = ask(responder, 'mx.example.com. MX');
  assert.equal(got.flags, 'qr aa');
  assert.deepEqual(got.additional, ['ns1.example.com. 300 A 192.0.2.53']);
  const whole = ask(responder, 'mx.example.com. MX', { edns: {} });
  assert.equal(whole.additional.length, 61);
});

test('answerQuery(): version.bind and id.server in class CH when set', () => {
  const named = makeResponder(update, { versionBind: 'Meridian', serverId: 'fra1' });
  const text = (name: string) => ask(named, `${name} TXT`, { class: 3 }).answer;
  assert.deepEqual(text('Version.Bind.'), ['Version.Bind. 0 TXT "Meridian"']);
  assert.deepEqual(text('version.server.'), ['version.server. 0 TXT "Meridian"']);
  assert.deepEqual(text('id.server.'), ['id.server. 0 TXT "fra1"']);
  assert.deepEqual(text('hostname.bind.'), ['hostname.bind. 0 TXT "fra1"']);
  assert.equal(ask(named, 'authors.bind. TXT', { class: 3 }).rcode, 'REFUSED');
});

test('answerQuery(): a bug costs one query SERVFAIL and is counted (invariant 10)', () => {
  const broken = makeResponder({ ...update, maps: [] });
  Object.defineProperty(broken.image, 'maps', {
    get() {
      throw new Error('bug');
    },
  });
  assert.equal(ask(broken, 'geo.example.com. A').rcode, 'SERVFAIL');
  assert.equal(ask(broken, 'ns1.example.com. A').rcode, 'NOERROR');
});
