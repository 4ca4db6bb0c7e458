import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MeridianError } from '../../src/base/errors.ts';
import {
  compareKeys,
  compareNames,
  formatName,
  isAtOrBelow,
  labelsOf,
  lowerCaseWireName,
  nameBytes,
  nameKey,
  parentKey,
  parseName,
  rootName,
  wireNameKey,
} from '../../src/wire/names.ts';
import { isRdataError } from '../../src/wire/types.ts';
import { wireName } from './arbitrary.ts';

function hex(text: string, origin?: string): string {
  const name = parseName(text, origin);
  if (isRdataError(name)) assert.fail(name.message);
  return Buffer.from(name).toString('hex');
}

function code(text: string, origin?: string): string {
  const name = parseName(text, origin);
  return isRdataError(name) ? name.code : `taken: ${Buffer.from(name).toString('latin1')}`;
}

function message(text: string, origin?: string): string {
  const name = parseName(text, origin);
  return isRdataError(name) ? name.message : 'no error';
}

test('parseName() writes length octets, labels and the root', () => {
  assert.equal(hex('www.Ab.'), '03777777024162' + '00');
  assert.equal(hex('.'), '00');
  assert.equal(hex('*.a.'), '012a016100');
  assert.equal(hex('_sip._tcp.a.'), '045f736970045f746370016100');
});

test('parseName() completes relative names and @ by the origin', () => {
  assert.equal(hex('www', 'ab.'), hex('www.ab.'));
  assert.equal(hex('www.x', 'ab'), hex('www.x.ab.'));
  assert.equal(hex('@', 'ab.'), hex('ab.'));
  assert.equal(hex('\\@', 'ab.'), '0140026162' + '00');
  assert.equal(hex('www', '.'), hex('www.'));
  assert.equal(hex('a', 'b\\.'), hex('a.b\\..'), 'an origin that ends with an escaped dot');
});

test('parseName() is not confused when origins change between calls', () => {
  assert.equal(hex('a.b.c', 'one.'), hex('a.b.c.one.'));
  assert.equal(hex('a.b.c', 'two.'), hex('a.b.c.two.'));
  assert.equal(hex('a.b.c', 'one.'), hex('a.b.c.one.'));
});

test('parseName() returns octets that later calls leave alone', () => {
  const origin = parseName('@', 'ab.');
  const root = parseName('.');
  assert(!isRdataError(origin) && !isRdataError(root));
  origin.fill(9);
  root.fill(9);
  assert.equal(hex('@', 'ab.'), hex('ab.'));
  assert.equal(hex('.'), '00');
  assert.equal(rootName[0], 0);
});

test('parseName() reads escapes (RFC 1035 §5.1)', () => {
  assert.equal(hex('a\\.b.'), '03612e6200');
  assert.equal(hex('\\000\\255\\065.'), '0300ff4100');
  assert.equal(hex('\\;\\"\\(.'), '033b222800');
  assert.equal(hex('\\\\.'), '015c00');
});

test('parseName() refuses malformed names with E_NAME_SYNTAX', () => {
  const bad = ['', '.a.', 'a..b.', '..', 'a\\', 'a\\25.', 'a\\256.', 'a\\2x5.', 'a b.', 'a"b.'];
  for (const text of [...bad, 'a;b.', 'a(b.', 'a\tb.', '\u00e4.', 'a\\\u00e4.', '\u{1f600}.']) {
    assert.equal(code(text), 'E_NAME_SYNTAX', JSON.stringify(text));
  }
});

test('parseName() refuses relative names where there is no origin', () => {
  assert.equal(code('www'), 'E_NAME_SYNTAX');
  assert.equal(code('@'), 'E_NAME_SYNTAX');
  assert.match(message('www'), /"www" is relative .*final dot/);
});

test('parseName() reports a malformed origin', () => {
  assert.equal(code('www', 'a..b.'), 'E_NAME_SYNTAX');
});

test('parseName() proposes the A-label of an international name', () => {
  assert.match(message('b\u00fccher.example.'), /write "xn--bcher-kva\.example\."/);
});

test('parseName() takes labels of 63 octets and no more', () => {
  assert.equal(hex(`${'a'.repeat(63)}.`), `3f${'61'.repeat(63)}00`);
  assert.equal(code(`${'a'.repeat(64)}.`), 'E_NAME_TOO_LONG');
  assert.equal(code(`${'\\097'.repeat(64)}.`), 'E_NAME_TOO_LONG');
  assert.equal(code('a'.repeat(64), 'b.'), 'E_NAME_TOO_LONG');
});

test('parseName() takes names of 255 octets and no more', () => {
  const label = `${'a'.repeat(49)}.`;
  const longest = label.repeat(5) + 'a'.repeat(3);
  assert.equal(hex(`${longest}.`).length, 255 * 2);
  assert.equal(code(`${longest}a.`), 'E_NAME_TOO_LONG');
  assert.equal(code(`${longest}.a.`), 'E_NAME_TOO_LONG');
  assert.equal(hex(longest, '.').length, 255 * 2);
  assert.equal(code(`${longest}a`, '.'), 'E_NAME_TOO_LONG');
  assert.equal(code(longest, 'a.'), 'E_NAME_TOO_LONG');
  assert.equal(hex('a.'.repeat(127)).length, 255 * 2);
  assert.equal(code('a.'.repeat(128)), 'E_NAME_TOO_LONG');
  assert.equal(code(label.repeat(1000)), 'E_NAME_TOO_LONG');
});

test('parseName() never throws, whatever the text', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.option(fc.string(), { nil: undefined }),
      (text, origin) => {
        const name = parseName(text, origin);
        if (!isRdataError(name)) assert.equal(nameBytes(name), name.length);
      },
    ),
  );
});

test('formatName() escapes what presentation format needs escaped', () => {
  const name = Uint8Array.from([9, ...Buffer.from('.\\"();@$a'), 3, 0, 32, 255, 0]);
  assert.equal(formatName(name), '\\.\\\\\\"\\(\\)\\;\\@\\$a.\\000\\032\\255.');
  assert.equal(formatName(rootName), '.');
});

test('formatName() reads at an offset', () => {
  assert.equal(formatName(Uint8Array.from([9, 9, 1, 0x41, 0, 7]), 2), 'A.');
});

test('formatName() throws a RangeError on malformed octets', () => {
  assert.throws(() => formatName(Uint8Array.from([3, 97])), RangeError);
  assert.throws(() => wireNameKey(Uint8Array.from([0xc0, 0])), RangeError);
});

test('formatName() and parseName() are inverse', () => {
  fc.assert(
    fc.property(wireName, (name) => {
      assert.deepEqual(parseName(formatName(name)), name);
      assert.deepEqual(parseName(wireNameKey(name)), lowerCaseWireName(name));
    }),
  );
});

test('nameBytes() measures a name and refuses what is none', () => {
  assert.equal(nameBytes(Uint8Array.from([1, 97, 0, 5])), 3);
  assert.equal(nameBytes(Uint8Array.from([7, 1, 97, 0]), 1), 3);
  assert.equal(nameBytes(Uint8Array.from([1, 97, 0]), 0, 2), -1);
  assert.equal(nameBytes(new Uint8Array(0)), -1);
  assert.equal(nameBytes(Uint8Array.from([64, ...new Uint8Array(80)])), -1);
  assert.equal(nameBytes(Uint8Array.from([0xc0, 12])), -1);
  const label = [63, ...new Uint8Array(63).fill(97)];
  assert.equal(
    nameBytes(Uint8Array.from([...label, ...label, ...label, 61, ...label.slice(3), 0])),
    255,
  );
  assert.equal(
    nameBytes(Uint8Array.from([...label, ...label, ...label, 62, ...label.slice(2), 0])),
    -1,
  );
});

test('nameKey() folds ASCII letters, adds the final dot and normalises escapes', () => {
  assert.equal(nameKey('WWW.Example.COM'), 'www.example.com.');
  assert.equal(nameKey('www.example.com.'), 'www.example.com.');
  assert.equal(nameKey('.'), '.');
  assert.equal(nameKey('\\065\\.\\b.c'), 'a\\.b.c.');
  assert.equal(nameKey('a@b$c.'), 'a\\@b\\$c.');
  assert.equal(nameKey('\\196.'), '\\196.', 'only ASCII is folded (RFC 4343 §3)');
  assert.equal(nameKey('A\\.'), 'a\\..');
});

test('nameKey() throws a MeridianError for what is no name', () => {
  const codeOf = (text: string) => {
    try {
      return nameKey(text);
    } catch (error) {
      return error instanceof MeridianError ? error.code : error;
    }
  };
  for (const text of ['', '@', 'a..b', '.a', 'a b', '\u212a.'])
    assert.equal(codeOf(text), 'E_NAME_SYNTAX');
  assert.equal(codeOf('a'.repeat(64)), 'E_NAME_TOO_LONG');
  assert.equal(codeOf('a.'.repeat(128)), 'E_NAME_TOO_LONG');
  assert.equal(codeOf(`aa.${'a.'.repeat(126)}`), 'E_NAME_TOO_LONG');
  assert.equal(nameKey('a.'.repeat(127)), 'a.'.repeat(127));
  assert.equal(nameKey('a.'.repeat(127).slice(0, -1)), 'a.'.repeat(127));
});

test('nameKey() gives equal names equal keys and different names different ones', () => {
  fc.assert(
    fc.property(wireName, wireName, (a, b) => {
      const same = Buffer.compare(lowerCaseWireName(a), lowerCaseWireName(b)) === 0;
      assert.equal(nameKey(formatName(a)), wireNameKey(a));
      assert.equal(nameKey(formatName(a).toUpperCase()), wireNameKey(a));
      assert.equal(wireNameKey(a) === wireNameKey(b), same);
    }),
  );
});

test('parentKey(), labelsOf() and isAtOrBelow() cut only at dots that end a label', () => {
  assert.deepEqual(labelsOf('a\\.b.c.'), ['a\\.b', 'c']);
  assert.deepEqual(labelsOf('.'), []);
  assert.equal(parentKey('a\\.b.c.'), 'c.');
  assert.equal(parentKey('a\\\\.c.'), 'c.');
  assert.equal(parentKey('c.'), '.');
  assert.equal(parentKey('.'), undefined);
  assert.equal(isAtOrBelow('x.b.c.', 'b.c.'), true);
  assert.equal(isAtOrBelow('b.c.', 'b.c.'), true);
  assert.equal(isAtOrBelow('b.c.', '.'), true);
  assert.equal(isAtOrBelow('.', 'b.c.'), false);
  assert.equal(isAtOrBelow('xb.c.', 'b.c.'), false);
  assert.equal(isAtOrBelow('x\\.b.c.', 'b.c.'), false);
  assert.equal(isAtOrBelow('x\\\\.b.c.', 'b.c.'), true);
  assert.equal(isAtOrBelow('c.', 'b.c.'), false);
});

test('parentKey() walks through exactly the names that isAtOrBelow() holds for', () => {
  fc.assert(
    fc.property(wireName, (name) => {
      const key = wireNameKey(name);
      let ancestor: string | undefined = key;
      let steps = 0;
      while (ancestor !== undefined) {
        assert(isAtOrBelow(key, ancestor));
        ancestor = parentKey(ancestor);
        steps++;
      }
      assert.equal(steps, labelsOf(key).length + 1);
      assert.equal(
        labelsOf(key)
          .map((label) => `${label}.`)
          .join('') || '.',
        key,
      );
    }),
  );
});

test('compareNames() orders as the example of RFC 4034 §6.1', () => {
  const ordered = [
    'example.',
    'a.example.',
    'yljkjljk.a.example.',
    'Z.a.example.',
    'zABC.a.EXAMPLE.',
    'z.example.',
    '\\001.z.example.',
    '*.z.example.',
    '\\200.z.example.',
  ];
  const shuffled = [...ordered].reverse();
  shuffled.sort((a, b) => compareKeys(nameKey(a), nameKey(b)));
  assert.deepEqual(shuffled, ordered);
});

test('compareNames() puts a label before one that it begins', () => {
  const compare = (a: string, b: string) => compareKeys(nameKey(a), nameKey(b));
  assert(compare('ab.c.', 'abc.c.') < 0);
  assert(compare('abc.c.', 'ab.c.') > 0);
  assert(compare('.', 'a.') < 0);
});

test('compareNames() is an order that sees no case', () => {
  fc.assert(
    fc.property(wireName, wireName, wireName, (a, b, c) => {
      assert.equal(Math.sign(compareNames(a, b)), -Math.sign(compareNames(b, a)) + 0);
      assert.equal(compareNames(a, lowerCaseWireName(a)), 0);
      assert.equal(compareNames(a, b) === 0, wireNameKey(a) === wireNameKey(b));
      if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0) assert(compareNames(a, c) <= 0);
    }),
  );
});
