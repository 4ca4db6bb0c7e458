// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are $GENERATE's own placeholders
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generate } from '../../src/zone/generate.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';

/** The lines, or the error's message. */
function lines(range: string, pattern: string): string[] {
  return [...generate(range, pattern)].flatMap((block) => {
    return typeof block === 'string' ? block.split('\n') : [block.message];
  });
}

const written: readonly (readonly [string, string, string[]])[] = [
  ['1-3', 'h$ A 192.0.2.$', ['h1 A 192.0.2.1', 'h2 A 192.0.2.2', 'h3 A 192.0.2.3']],
  ['0-6/3', '$', ['0', '3', '6']],
  ['0-7/3', '$', ['0', '3', '6']],
  ['5-5', '${0} ${10} ${-5}', ['5 15 0']],
  ['7-7', '${0,3} ${0,3,d} ${0,1,d}', ['007 007 7']],
  ['26-26', '${0,0,x} ${0,4,X} ${0,0,o}', ['1a 001A 32']],
  ['26-26', '${0,0,n} ${0,7,N} ${0,1,n}', ['a.1 A.1.0.0 a.1']],
  ['1-1', '$$ \\$ \\\\$', ['\\$ \\$ \\\\1']],
];

for (const [range, pattern, expected] of written) {
  test(`generate() writes ${pattern} over ${range}`, () => {
    assert.deepEqual(lines(range, pattern), expected);
  });
}

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['3-1', '$', /range "3-1" is malformed/],
  ['1', '$', /range "1" is malformed/],
  ['1-2/0', '$', /malformed/],
  ['1-9999999999', '$', /malformed/],
  ['0-1000000', '$', /makes 1000001 records; 1000000 are allowed/],
  ['1-2', '${x}', /"\$\{x\}" is malformed/],
  ['1-2', '${0,300}', /malformed/],
  ['1-2', '${0,1,q}', /malformed/],
  ['1-2', '${-2}', /1 shifted by -2 is out of range/],
];

for (const [range, pattern, expected] of refused) {
  test(`generate() refuses ${pattern} over ${range}`, () => {
    const messages = lines(range, pattern);
    assert.equal(messages.length, 1);
    assert.match(messages[0] ?? '', expected);
  });
}

test('$GENERATE makes records at its line, its errors once', () => {
  const apex = '$TTL 9\n@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n@ NS ns.example.net.\n';
  const options = { origin: 'example.com', file: 'x' };
  const text = `${apex}$GENERATE 1-3 h$ 7 IN A 192.0.2.$ ; three hosts\nb A 192.0.2.9\n`;
  const { zone, problems } = readZoneText(text, options);
  assert.deepEqual(problems, []);
  assert.equal(zone?.nodes.size, 5);
  const second = zone?.nodes.get('h2.example.com.')?.get(1);
  assert.deepEqual(
    [second?.ttl, second?.where, ...(second?.rdatas[0] ?? [])],
    [7, 'x:4', 192, 0, 2, 2],
  );

  const bad = readZoneText(`${apex}$GENERATE 250-5000 h$ A 192.0.2.$\n`, options);
  assert.deepEqual(new Set(bad.problems.map(({ where }) => where)), new Set(['x:4']));
  assert.ok(bad.problems.length < 1000);
  const directive = readZoneText(`${apex}$GENERATE 1-2 $$INCLUDE x y\n`, options);
  assert.equal(directive.zone, undefined);
  assert.doesNotMatch(directive.problems.map(({ code }) => code).join(), /INCLUDE/);
});
