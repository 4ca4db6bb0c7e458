import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDelegations } from '../../src/control/check-delegations.ts';
import { readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';

function zoneOf(origin: string, lines = ''): Zone {
  const text = `$TTL 300\n@ SOA ns.example.net. h 1 2 3 4 5\n@ NS ns.example.net.\n${lines}`;
  const { zone } = readZoneText(text, { origin, file: `${origin}zone` });
  assert.ok(zone);
  return zone;
}

const cases: readonly [string, readonly Zone[], readonly RegExp[]][] = [
  ['zones apart', [zoneOf('example.com.'), zoneOf('example.org.')], []],
  [
    'a zone below one without NS for it',
    [zoneOf('example.com.'), zoneOf('a.b.example.com.')],
    [/^a\.b\.example\.com\.zone:2: a\.b\.example\.com\. is below example\.com\..*add them to/],
  ],
  ['a delegated zone', [zoneOf('example.com.', 'a.b NS ns.a.b\n'), zoneOf('a.b.example.com.')], []],
  [
    'a zone below a cut, whose parent is elsewhere',
    [zoneOf('example.com.', 'b NS ns.b\n'), zoneOf('a.b.example.com.')],
    [],
  ],
  [
    'a zone that the uppermost of three delegates, but not the next one',
    [
      zoneOf('example.com.', 'a.b NS x.\nb NS x.\n'),
      zoneOf('b.example.com.'),
      zoneOf('a.b.example.com.'),
    ],
    [/a\.b\.example\.com\. is below b\.example\.com\./],
  ],
  [
    'a zone below the root',
    [zoneOf('.', ''), zoneOf('test.')],
    [/test\. is below \., which has no NS/],
  ],
];

for (const [title, zones, expected] of cases) {
  test(`checkDelegations(): ${title}`, () => {
    const byOrigin = new Map(zones.map((zone) => [zone.origin, zone]));
    const problems = checkDelegations(zones, byOrigin);
    assert.equal(problems.length, expected.length, JSON.stringify(problems));
    for (const [index, pattern] of expected.entries()) {
      const problem = problems[index];
      assert.equal(problem?.severity, 'warning');
      assert.match(`${problem?.where}: ${problem?.message}`, pattern);
    }
  });
}
