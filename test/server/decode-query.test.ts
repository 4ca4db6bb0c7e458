import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { answerDatagram } from '../../src/server/answer-datagram.ts';
import { counterAt } from '../../src/server/counters.ts';
import { makeOpt, makeRequest, makeResponder, makeUpdate, testPeer } from './harness.ts';
import { readAnswer } from './read-answer.ts';

const update = makeUpdate(
  {
    'example.com.': `$TTL 300
@     SOA ns1 hostmaster 1 7200 900 1209600 60
@     NS ns1
ns1   A 192.0.2.53
www   STEER web
alias CNAME x.d
d     DNAME e
*.e   MX 10 ns1
sub   NS ns.sub
ns.sub A 192.0.2.54
`,
  },
  { web: { a: ['198.51.100.1'], aaaa: ['2001:db8::1'] } },
);
const responder = makeResponder(update);

function answer(request: Uint8Array, transport = 0) {
  const bytes = answerDatagram(responder, request, testPeer, transport);
  return bytes === undefined ? undefined : readAnswer(bytes);
}

const question = (flags: number) => makeRequest('ns1.example.com. A', { flags });

test('decodeQuery() drops a packet with QR set', () => {
  assert.equal(answer(question(0x8000)), undefined);
});

test('decodeQuery() drops a packet shorter than a header', () => {
  for (let bytes = 0; bytes < 12; bytes += 1) {
    assert.equal(answer(question(0).subarray(0, bytes)), undefined);
  }
});

test('answerQuery() copies RD and CD and never echoes Z, AD, TC and RA (RFC 1035 §4.1.1, RFC 4035 §3)', () => {
  assert.equal(answer(question(0x03f0))?.flags, 'qr aa rd cd');
  assert.equal(answer(question(0x02e0))?.flags, 'qr aa');
});

test('decodeQuery() answers other opcodes with NOTIMP and the header alone (RFC 8906 §8.1.4)', () => {
  for (let opcode = 1; opcode < 16; opcode += 1) {
    const got = answer(question(opcode << 11));
    assert.equal(got?.rcode, 'NOTIMP');
    assert.equal(got?.bytes, 12);
  }
});

test('decodeQuery() answers QDCOUNT other than 1 with FORMERR and the header alone (RFC 9619)', () => {
  for (const count of [0, 2, 65535]) {
    const request = Buffer.from(question(0));
    request.writeUInt16BE(count, 4);
    const got = answer(request);
    assert.equal(got?.rcode, 'FORMERR');
    assert.equal(got?.bytes, 12);
  }
});

const header = Buffer.from('123400000001000000000000', 'hex');
const malformed: Record<string, Buffer> = {
  'no question': Buffer.alloc(0),
  'a name cut short': Buffer.from('0377', 'hex'),
  'a compressed name': Buffer.from('c00c00010001', 'hex'),
  'a label of 64': Buffer.from(`40${'61'.repeat(64)}0000010001`, 'hex'),
  'a name of 256 octets': Buffer.from(
    `${`3f${'61'.repeat(63)}`.repeat(3)}3e${'61'.repeat(62)}0000010001`,
    'hex',
  ),
  'no class': Buffer.from('000001', 'hex'),
};

for (const [what, body] of Object.entries(malformed)) {
  test(`decodeQuery() answers ${what} with FORMERR`, () => {
    const got = answer(Buffer.concat([header, body]));
    assert.equal(got?.rcode, 'FORMERR');
    assert.equal(got?.question, '');
  });
}

test('decodeQuery() takes a name of 255 octets and of 127 labels', () => {
  const long = Buffer.from(
    `${`3f${'61'.repeat(63)}`.repeat(3)}3d${'61'.repeat(61)}0000010001`,
    'hex',
  );
  assert.equal(answer(Buffer.concat([header, long]))?.rcode, 'REFUSED');
  const deep = Buffer.from(`${'0161'.repeat(127)}0000010001`, 'hex');
  assert.equal(answer(Buffer.concat([header, deep]))?.rcode, 'REFUSED');
});

/** Whatever comes in: no bug, and an answer that a strict decoder reads, of a length that is allowed. */
function checkTotal(request: Uint8Array, transport: number): void {
  const failures = responder.counters[counterAt.failures];
  const bytes = answerDatagram(responder, request, testPeer, transport);
  assert.equal(responder.counters[counterAt.failures], failures);
  if (bytes === undefined) return;
  assert.ok(bytes.length <= (transport === 0 ? 1232 : 65_535));
  const got = readAnswer(bytes);
  assert.ok(got.flags.startsWith('qr'));
  assert.equal(got.id, Buffer.from(request).readUInt16BE(0));
}

const transport = fc.constantFrom(0, 1);

test('answerQuery() answers any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), transport, (bytes, via) => {
      checkTotal(bytes, via);
      if (bytes.length < 12) return;
      // The same as a plausible query.
      bytes.set([0, 0, 0, 1, 0, 0, 0, 0, 0, 1], 2);
      checkTotal(bytes, via);
    }),
    { numRuns: 2000 },
  );
});

const names = ['ns1', 'www', 'alias', 'a.b.d', 'q.e', 'x.sub', '*.e', 'none', '_x.*.e'];
const types = ['A', 'AAAA', 'MX', 'NS', 'DS', 'ANY', 'SOA', 'DNAME', 'CNAME', 'TXT'];

test('answerQuery() answers mutated queries', () => {
  const mutation = fc.tuple(fc.nat(120), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.constantFrom(...types),
      fc.array(mutation, { maxLength: 6 }),
      fc.nat(120),
      transport,
      (name, type, mutations, cut, via) => {
        const edns = {
          payload: 512,
          options: [
            [8, '00011800c00002'],
            [10, '0102030405060708'],
            [3, ''],
          ] as [number, string][],
        };
        const request = Buffer.from(makeRequest(`${name}.example.com. ${type}`, { edns }));
        checkTotal(request, via);
        for (const [at, octet] of mutations) if (at < request.length) request[at] = octet;
        request.writeUInt16BE(request.readUInt16BE(2) & 0x7fff, 2);
        checkTotal(request, via);
        checkTotal(request.subarray(0, Math.max(12, request.length - cut)), via);
      },
    ),
    { numRuns: 2000 },
  );
});

test('answerQuery() finds OPT behind any number of records it knows nothing of', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.uint8Array({ maxLength: 40 }), (count, rdata) => {
      const record = Buffer.concat([
        Buffer.from([0xc0, 0x0c, 0xff, 0x00, 0, 1, 0, 0, 0, 0, 0, rdata.length]),
        rdata,
      ]);
      const request = Buffer.concat([
        question(0),
        ...Array.from({ length: count }, () => record),
        makeOpt({}),
      ]);
      request.writeUInt16BE(count + 1, 10);
      assert.ok(answer(request)?.opt);
    }),
  );
});
