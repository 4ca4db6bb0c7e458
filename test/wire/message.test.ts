import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Edns } from '../../src/wire/edns.ts';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  type ResourceRecord,
} from '../../src/wire/message.ts';
import { formatName, parseName } from '../../src/wire/names.ts';
import { typeNumber } from '../../src/wire/type-names.ts';
import { ednsOptions, isRdataError, rcodes, rrClasses, rrTypes } from '../../src/wire/types.ts';
import { octets, wireName } from './arbitrary.ts';
import { parseRecord } from './rdata/rdata-of.ts';

function bytes(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
}

function name(text: string): Uint8Array {
  const wire = parseName(text);
  if (isRdataError(wire)) assert.fail(wire.message);
  return wire;
}

function record(owner: string, text: string, ttl = 300): ResourceRecord {
  const rdata = parseRecord(text);
  if (isRdataError(rdata)) assert.fail(rdata.message);
  const type = typeNumber(text.split(' ')[0] ?? '') ?? -1;
  return { name: name(owner), type, class: rrClasses.IN, ttl, rdata };
}

function response(change: Partial<Message>): Message {
  return makeQuery(name('www.example.com.'), rrTypes.A, {
    flags: { qr: true, aa: true },
    ...change,
  });
}

const edns: Edns = { udpPayloadBytes: 1232, version: 0, dnssecOk: false, options: [] };
const header = (counts: string, flags = '0000') => `0000 ${flags} ${counts}`;

describe('encodeMessage()', () => {
  test('writes header, flags and question (RFC 1035 §4.1)', () => {
    const flags = { rd: true, cd: true };
    const query = makeQuery(name('a.'), rrTypes.MX, { id: 0xabcd, opcode: 4, flags });
    assert.deepEqual(
      Buffer.from(encodeMessage(query)).toString('hex'),
      'abcd 2110 0001 0000 0000 0000 016100 000f 0001'.replaceAll(' ', ''),
    );
  });

  test('compresses owners and names in RFC 1035 rdata', () => {
    const message = response({ answers: [record('www.example.com.', 'MX 10 mail.example.com.')] });
    const encoded = Buffer.from(encodeMessage(message)).toString('hex');
    assert.equal(
      encoded.slice(33 * 2),
      'c00c 000f 0001 0000012c 0009 000a 046d61696c c010'.replaceAll(' ', ''),
    );
  });

  test('compresses nothing in the rdata of newer types (RFC 3597 §4)', () => {
    for (const text of ['SRV 1 2 3', 'DNAME', 'HTTPS 1', 'KX 1', 'RP .', 'AFSDB 1']) {
      const answer = record('www.example.com.', `${text} www.example.com.`);
      const encoded = Buffer.from(encodeMessage(response({ answers: [answer] })));
      const tail = encoded.subarray(encoded.length - 17).toString('hex');
      assert.equal(tail, Buffer.from(name('www.example.com.')).toString('hex'), text);
    }
  });

  test('keeps the case of every name', () => {
    const answers = [record('WWW.example.com.', 'CNAME www.EXAMPLE.com.')];
    const decoded = decodeMessage(encodeMessage(response({ answers })));
    assert.deepEqual(decoded?.answers, answers);
  });

  test('sets no pointer beyond the first 16,383 octets', () => {
    const big = Array.from({ length: 70 }, () => record('a.', `TXT ${'x'.repeat(250)}`));
    const late = [record('late.name.', 'NS late.name.'), record('late.name.', 'NS late.name.')];
    const message = response({ answers: big, authorities: late });
    const encoded = encodeMessage(message);
    assert(encoded.length > 0x4000);
    assert.deepEqual(decodeMessage(encoded), message);
  });

  test('splits an RCODE over 15 between header and OPT (RFC 6891 §6.1.3)', () => {
    const message = response({ rcode: rcodes.BADVERS, edns });
    const encoded = encodeMessage(message);
    assert.equal((encoded[3] ?? 0) & 15, 0);
    assert.equal(
      Buffer.from(encoded.subarray(-11)).toString('hex'),
      '00 0029 04d0 01 00 0000 0000'.replaceAll(' ', ''),
    );
    assert.equal(decodeMessage(encoded)?.rcode, rcodes.BADVERS);
    assert.throws(() => encodeMessage(response({ rcode: rcodes.BADVERS })), RangeError);
  });

  test('keeps TSIG behind OPT (RFC 8945 §5.1)', () => {
    const tsig = {
      name: name('key.'),
      type: rrTypes.TSIG,
      class: rrClasses.ANY,
      ttl: 0,
      rdata: bytes('00'),
    };
    const encoded = encodeMessage(
      response({ additionals: [record('b.', 'A 192.0.2.1'), tsig], edns }),
    );
    const decoded = decodeMessage(encoded);
    assert.deepEqual(decoded?.additionals.at(-1), tsig);
    assert.deepEqual(decoded?.edns, edns);
    assert.equal(encoded.at(-1), 0);
    const optAt = Buffer.from(encoded).indexOf(Buffer.from(bytes('00 0029 04d0')));
    assert.equal(optAt, encoded.length - 11 - (5 + 10 + 1));
  });
});

describe('encodeMessage() with maxBytes', () => {
  const a = (owner: string, count: number) =>
    Array.from({ length: count }, (_, index) => record(owner, `A 192.0.2.${index}`));

  test('leaves a message whole that just fits', () => {
    const message = response({ answers: a('www.example.com.', 3), edns });
    const whole = encodeMessage(message);
    assert.deepEqual(encodeMessage(message, { maxBytes: whole.length }), whole);
    const cut = decodeMessage(encodeMessage(message, { maxBytes: whole.length - 1 }));
    assert.equal(cut?.flags.tc, true);
    assert.deepEqual(cut?.answers, []);
  });

  test('cuts the answer between RRsets, sets TC and keeps OPT', () => {
    const first = a('www.example.com.', 2);
    const message = response({ answers: [...first, ...a('x.example.com.', 30)], edns });
    const encoded = encodeMessage(message, { maxBytes: 300 });
    assert(encoded.length <= 300);
    const decoded = decodeMessage(encoded);
    assert.deepEqual(decoded?.answers, first);
    assert.deepEqual(decoded?.flags, { qr: true, aa: true, tc: true });
    assert.deepEqual(decoded?.edns, edns);
  });

  test('leaves out what follows an RRset that did not fit', () => {
    const message = response({ answers: a('x.', 40), authorities: [record('y.', 'NS z.')] });
    const decoded = decodeMessage(encodeMessage(message, { maxBytes: 512 }));
    assert.deepEqual(decoded?.answers, []);
    assert.deepEqual(decoded?.authorities, []);
  });

  test('leaves out additional RRsets without TC (RFC 2181 §9)', () => {
    const additionals = [...a('x.', 40), record('y.', 'A 192.0.2.1')];
    const answers = [record('www.example.com.', 'MX 1 x.')];
    const decoded = decodeMessage(
      encodeMessage(response({ answers, additionals }), { maxBytes: 512 }),
    );
    assert.deepEqual(decoded?.answers, answers);
    assert.deepEqual(decoded?.additionals, [record('y.', 'A 192.0.2.1')]);
    assert.equal(decoded?.flags.tc, undefined);
  });

  test('sets TC when glue of a referral does not fit (RFC 9471 §3.1)', () => {
    const authorities = [record('sub.example.com.', 'NS ns.sub.example.com.')];
    const additionals = a('ns.sub.example.com.', 40);
    const message = response({ flags: { qr: true }, authorities, additionals });
    const decoded = decodeMessage(encodeMessage(message, { maxBytes: 512 }));
    assert.equal(decoded?.flags.tc, true);
    assert.deepEqual(decoded?.authorities, authorities);
  });

  test('sets no pointer into an RRset that was taken back', () => {
    const tooBig = a('only-there.example.com.', 40);
    const kept = record('only-there.example.com.', 'AAAA ::1');
    const message = response({ additionals: [...tooBig, kept] });
    const decoded = decodeMessage(encodeMessage(message, { maxBytes: 512 }));
    assert.deepEqual(decoded?.additionals, [kept]);
  });

  test('throws a RangeError when not even the question fits', () => {
    assert.throws(() => encodeMessage(response({}), { maxBytes: 20 }), RangeError);
  });
});

describe('decodeMessage()', () => {
  const question = '016100 0001 0001';

  test('decompresses rdata where old senders compressed (RFC 3597 §4)', () => {
    const records: readonly (readonly [type: number, before: string, after: string])[] = [
      [rrTypes.NS, '', ''],
      [rrTypes.MX, '000a', ''],
      [rrTypes.RP, '00', ''],
      [rrTypes.AFSDB, '0001', ''],
      [rrTypes.RT, '0001', ''],
      [rrTypes.PX, '0001 00', ''],
      [rrTypes.SRV, '0001 0002 0003', ''],
      [rrTypes.NAPTR, '0001 0002 00 00 00', ''],
      [rrTypes.SIG, '00'.repeat(18), 'abcd'],
      [rrTypes.NXT, '', '40'],
      [rrTypes.SOA, '00', '00000001 00000002 00000003 00000004 00000005'],
    ];
    for (const [type, before, after] of records) {
      const rdata = bytes(`${before} c00c ${after}`);
      const typeHex = type.toString(16).padStart(4, '0');
      const lengthHex = rdata.length.toString(16).padStart(4, '0');
      const message = `${header('0001 0001 0000 0000')} ${question} c00c ${typeHex} 0001 00000000 ${lengthHex}`;
      const decoded = decodeMessage(Buffer.concat([bytes(message), rdata]));
      assert.deepEqual(decoded?.answers[0]?.rdata, bytes(`${before} 016100 ${after}`), typeHex);
    }
  });

  test('leaves what looks like a pointer in other rdata alone', () => {
    const answer = 'c00c 0041 0001 00000000 0004 0001 c00c';
    const decoded = decodeMessage(bytes(`${header('0001 0001 0000 0000')} ${question} ${answer}`));
    assert.deepEqual(decoded?.answers[0]?.rdata, bytes('0001 c00c'));
  });

  test('takes empty rdata of any type, as updates have it (RFC 2136 §2.5.2)', () => {
    const answer = 'c00c 0006 00ff 00000000 0000';
    const decoded = decodeMessage(
      bytes(`${header('0001 0000 0001 0000', '2800')} ${question} ${answer}`),
    );
    assert.equal(decoded?.authorities[0]?.rdata.length, 0);
    assert.equal(decoded?.opcode, 5);
  });

  test('reads what OPT says', () => {
    const opt = '00 0029 0200 01 02 8001 0004 0003 0000';
    const decoded = decodeMessage(bytes(`${header('0000 0000 0000 0001', '0005')} ${opt}`));
    assert.equal(decoded?.rcode, 21);
    assert.deepEqual(decoded?.additionals, []);
    assert.deepEqual(decoded?.edns, {
      udpPayloadBytes: 512,
      version: 2,
      dnssecOk: true,
      reservedFlags: 1,
      options: [{ kind: 'nsid', identity: new Uint8Array(0) }],
    });
  });

  test('does not read a record that begins inside the rdata of another', () => {
    const inside = '00 0002 0001 00000000 0004 016100 00';
    const rest = '0001 0001 00000000 0000';
    assert.equal(
      decodeMessage(bytes(`${header('0000 0002 0000 0000')} ${inside} ${rest}`)),
      undefined,
    );
  });

  const opt = '00 0029 0200 00000000 0000';
  const refused: readonly (readonly [what: string, hex: string])[] = [
    ['a header cut short', '0000 0000 0000 0000 0000 00'],
    ['a question cut short', `${header('0001 0000 0000 0000')} 016100 0001 00`],
    ['fewer records than announced', `${header('0001 0001 0000 0000')} ${question}`],
    ['octets left over', `${header('0001 0000 0000 0000')} ${question} 00`],
    ['a pointer to itself', `${header('0001 0000 0000 0000')} c00c 0001 0001`],
    ['a pointer forward', `${header('0001 0000 0000 0000')} c00e 0001 0001`],
    ['a pointer into the header', `${header('0001 0000 0000 0000')} c004 0001 0001`],
    [
      'a pointer back into the name it ends',
      `${header('0001 0000 0000 0000')} 0161 c00c 0001 0001`,
    ],
    ['a pointer cut short', `${header('0001 0000 0000 0000')} c0`],
    ['a label type that is none', `${header('0001 0000 0000 0000')} 4161 00 0001 0001`],
    [
      'a name over 255 octets',
      `${header('0001 0000 0000 0000')} ${`3f${'61'.repeat(63)}`.repeat(4)} 00 0001 0001`,
    ],
    [
      'rdata that runs over the end',
      `${header('0000 0001 0000 0000')} 00 0001 0001 00000000 0005 c0000201`,
    ],
    [
      'a name that runs out of its rdata',
      `${header('0000 0001 0000 0000')} 00 0002 0001 00000000 0002 016100`,
    ],
    [
      'octets behind the name in its rdata',
      `${header('0000 0001 0000 0000')} 00 0002 0001 00000000 0004 016100 00`,
    ],
    ['two OPT records (RFC 6891 §6.1.1)', `${header('0000 0000 0000 0002')} ${opt} ${opt}`],
    ['OPT in the answer', `${header('0000 0001 0000 0000')} ${opt}`],
    ['OPT with an owner', `${header('0000 0000 0000 0001')} 0161 ${opt}`],
    [
      'OPT with a broken option',
      `${header('0000 0000 0000 0001')} 00 0029 0200 00000000 0003 000300`,
    ],
  ];
  for (const [what, hex] of refused) {
    test(`is undefined for ${what}`, () => {
      assert.equal(decodeMessage(bytes(hex)), undefined);
    });
  }

  test('gives up on chains of pointers longer than any name needs', () => {
    const chain = (pointers: number) => {
      // TXT rdata holds 00 and then pointers, each to the one before; the last owner points to the end.
      const links = Array.from(
        { length: pointers - 1 },
        (_, index) => 0xc017 + (index === 0 ? 0 : index * 2 - 1),
      );
      const rdata = Buffer.concat([
        bytes('00'),
        ...links.map((link) => Uint8Array.of(link >> 8, link)),
      ]);
      const head = `${header('0000 0002 0000 0000')} 00 0010 0001 00000000`;
      const length = Uint8Array.of(rdata.length >> 8, rdata.length);
      const last = 0xc017 + (pointers === 1 ? 0 : pointers * 2 - 3);
      const owner = Uint8Array.of(last >> 8, last);
      return Buffer.concat([bytes(head), length, rdata, owner, bytes('0001 0001 00000000 0000')]);
    };
    assert.equal(decodeMessage(chain(1))?.answers.length, 2);
    assert.equal(decodeMessage(chain(127))?.answers.length, 2);
    assert.equal(decodeMessage(chain(128)), undefined);
  });

  test('never throws, whatever the octets', () => {
    fc.assert(
      fc.property(octets(300), (data) => void decodeMessage(data)),
      { numRuns: 1000 },
    );
  });

  test('never throws on damaged messages, and what it takes can be encoded', () => {
    const whole = encodeMessage(
      response({
        answers: [
          record('www.example.com.', 'CNAME x.example.com.'),
          record('x.example.com.', 'MX 1 y.'),
        ],
        authorities: [record('example.com.', 'SOA ns1.example.com. h.example.com. 1 2 3 4 5')],
        additionals: [record('s.example.com.', 'SRV 1 2 3 x.example.com.')],
        edns: {
          ...edns,
          options: [{ kind: 'other', code: ednsOptions.CLIENT_SUBNET, data: bytes('0001') }],
        },
      }),
    );
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(damage, fc.nat(whole.length), (changes, length) => {
        const data = whole.slice(0, length > whole.length / 2 ? whole.length : length * 2);
        for (const [at, octet] of changes) data[at % Math.max(1, data.length)] = octet;
        const decoded = decodeMessage(data);
        if (decoded !== undefined) assert.deepEqual(decodeMessage(encodeMessage(decoded)), decoded);
      }),
      { numRuns: 2000 },
    );
  });
});

test('decodeMessage() gives back what encodeMessage() wrote', () => {
  const u16 = fc.nat(65535);
  const rdata = fc.oneof(
    wireName.map((target) => ({ type: rrTypes.NS as number, rdata: target })),
    wireName.map((host) => ({ type: rrTypes.MX as number, rdata: Uint8Array.of(0, 1, ...host) })),
    wireName.map((host) => ({
      type: rrTypes.SRV as number,
      rdata: Uint8Array.of(0, 1, 0, 2, 0, 3, ...host),
    })),
    octets().map((data) => ({ type: 999, rdata: data })),
  );
  const records = fc.array(
    fc.tuple(wireName, rdata, u16, fc.nat(0xffff_ffff)).map(([owner, data, recordClass, ttl]) => ({
      name: owner,
      class: recordClass,
      ttl,
      ...data,
    })),
    { maxLength: 5 },
  );
  const message = fc.record(
    {
      id: u16,
      opcode: fc.nat(15),
      flags: fc
        .subarray(['qr', 'aa', 'tc', 'rd', 'ra', 'z', 'ad', 'cd'] as const)
        .map((set) => Object.fromEntries(set.map((flag) => [flag, true]))),
      rcode: fc.nat(4095),
      questions: fc.array(
        fc.record({ name: wireName, type: u16, class: u16 }, { noNullPrototype: true }),
        { maxLength: 2 },
      ),
      answers: records,
      authorities: records,
      additionals: records,
      edns: fc.record(
        {
          udpPayloadBytes: u16,
          version: fc.nat(255),
          dnssecOk: fc.boolean(),
          options: fc.array(
            octets(20).map((data) => ({ kind: 'other' as const, code: 65001, data })),
            { maxLength: 3 },
          ),
        },
        { noNullPrototype: true },
      ),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(message, (original) => {
      assert.deepEqual(decodeMessage(encodeMessage(original)), original);
    }),
    { numRuns: 300 },
  );
});

test('makeQuery() asks in class IN unless told otherwise', () => {
  const query = makeQuery(name('a.'), rrTypes.TXT, { id: 7 });
  assert.equal(query.id, 7);
  assert.equal(query.questions[0]?.class, rrClasses.IN);
  assert.equal(formatName(query.questions[0]?.name ?? new Uint8Array(0)), 'a.');
});
