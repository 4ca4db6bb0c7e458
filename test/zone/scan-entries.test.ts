import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EntryScanner } from '../../src/zone/scan-entries.ts';

interface Scanned {
  entries: { line: number; blank: boolean; tokens: string[] }[];
  problems: string[];
}

/** Quoted tokens are shown in quotes. */
function scan(text: string): Scanned {
  const problems: string[] = [];
  const scanner = new EntryScanner(text, (line, _code, message) => {
    problems.push(`${line}: ${message}`);
  });
  const entries: Scanned['entries'] = [];
  while (scanner.next()) {
    const tokens = Array.from({ length: scanner.count }, (_, index) =>
      scanner.isQuoted(index) ? `"${scanner.token(index)}"` : scanner.token(index),
    );
    entries.push({ line: scanner.line, blank: scanner.beginsBlank, tokens });
  }
  return { entries, problems };
}

const tokens = (text: string) => scan(text).entries.map((entry) => entry.tokens);

const wellFormed: readonly (readonly [string, string, string[][]])[] = [
  ['words by blanks and tabs', 'a  IN\tA 192.0.2.1\n', [['a', 'IN', 'A', '192.0.2.1']]],
  ['comments', 'a A 1 ; two\n;three\nb ;four', [['a', 'A', '1'], ['b']]],
  ['a comment that touches a word', 'a A 1;two', [['a', 'A', '1']]],
  [
    'CRLF',
    'a A 1\r\nb A 2\r\n\r\n',
    [
      ['a', 'A', '1'],
      ['b', 'A', '2'],
    ],
  ],
  ['no final newline', 'a A 1', [['a', 'A', '1']]],
  ['empty and blank lines', '\n \n\t\n\na\n\n', [['a']]],
  ['parentheses over lines', 'a SOA (1 ; x\n 2\n)3', [['a', 'SOA', '1', '2', '3']]],
  ['nested parentheses', 'a (b (c\n) d\n) e', [['a', 'b', 'c', 'd', 'e']]],
  ['parentheses at the margin', 'a (\n1\n2\n)\nb', [['a', '1', '2'], ['b']]],
  ['quotes', 'a "b c" "" "d;(e"', [['a', '"b c"', '""', '"d;(e"']]],
  ['quotes back to back', 'a "b""c"', [['a', '"b"', '"c"']]],
  [
    'escapes kept',
    'a\\.b \\;c\\( "d\\"e\\\\" \\032',
    [['a\\.b', '\\;c\\(', '"d\\"e\\\\"', '\\032']],
  ],
  ['an escaped blank', 'a\\ b c', [['a\\ b', 'c']]],
  ['a quoted value of a key', 'a k="b c" l=d', [['a', 'k=b c', 'l=d']]],
  ['a quoted value that goes on', 'a k="b c"d', [['a', 'k=b cd']]],
  [
    'octets beyond ASCII in quotes',
    'a "\xc3\xbc\\\xc3\\\\\xc3"',
    [['a', '"\\195\\188\\195\\\\\\195"']],
  ],
  ['control characters in quotes', 'a "\t\x00\r"', [['a', '"\\009\\000\\013"']]],
  ['octets beyond ASCII in comments', 'a ; \xc3\xbc\nb', [['a'], ['b']]],
];

for (const [what, text, expected] of wellFormed) {
  test(`EntryScanner reads ${what}`, () => {
    assert.deepEqual(tokens(text), expected);
    assert.deepEqual(scan(text).problems, []);
  });
}

const malformed: readonly (readonly [string, string, string, string[][]])[] = [
  ['a closing parenthesis too many', 'a )\nb', '1: ")" without', [['b']]],
  [
    'an open parenthesis',
    'a\nb (1\n 2\n  3\nc 4\n d',
    '2: "(" is never closed',
    [['a'], ['c', '4'], ['d']],
  ],
  ['an open quote', 'a "b\nc "d"', '1: a quote is not closed on its line', [['c', '"d"']]],
  ['an open quote at the end', 'a\nb "c', '2: a quote is not closed before the end', [['a']]],
  ['an open quote in parentheses', 'a ( "b )\n c\nd', '1: a quote is not closed', [['d']]],
  ['an open quote of a later line', 'a ( 1\n"b\n)\nd', '2: a quote is not closed', [['d']]],
  ['a quote inside a word', 'a b"c"\nd', '1: a quote stands inside a word', [['d']]],
  ['text behind a quote', 'a "b"c\nd', '1: text follows a closing quote', [['d']]],
  ['a backslash at the end of a line', 'a b\\\nc', '1: a backslash ends the line', [['c']]],
  ['a backslash at the end', 'a b\\', '1: a backslash ends the line', []],
  ['an octet beyond ASCII', 'b\xc3\xbccher A\nc', '1: a character outside ASCII', [['c']]],
  ['a control character', 'a\x00b\nc', '1: control character 0 stands outside quotes', [['c']]],
];

for (const [what, text, problem, rest] of malformed) {
  test(`EntryScanner reports ${what} by line and reads on`, () => {
    const { problems } = scan(text);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.ok(problems[0]?.startsWith(problem), problems[0]);
    assert.deepEqual(tokens(text), rest);
  });
}

test('EntryScanner tells the line of each entry and whether it begins blank', () => {
  const { entries } = scan('\n; x\na (\n1)\n b\n\n\tc');
  assert.deepEqual(
    entries.map(({ line, blank }) => [line, blank]),
    [
      [3, false],
      [5, true],
      [7, true],
    ],
  );
});

test('EntryScanner gives up on a file of open parentheses in linear time', () => {
  const { problems } = scan('a (\n'.repeat(200_000));
  assert.ok(problems.length < 20);
  assert.match(problems.at(-1) ?? '', /the rest of the file was not read/);
});

test('EntryScanner takes entries of many fields and refuses absurd ones', () => {
  assert.equal(tokens(`a ${'b '.repeat(70_000)}`)[0]?.length, 70_001);
  assert.match(scan(`a ${'b '.repeat(140_000)}`).problems[0] ?? '', /over 131072 fields/);
});

test('EntryScanner ends and throws nothing on any octets', () => {
  const octets = fc.string({
    unit: fc.constantFrom(...'ab01. \t\r\n;()"\\=$@\xff\x00', '\\0', '\n ', '"\n'),
    maxLength: 60,
  });
  fc.assert(
    fc.property(octets, (text) => {
      const { entries } = scan(text);
      for (const entry of entries) assert.ok(entry.tokens.length > 0);
    }),
    { numRuns: 2000 },
  );
});
