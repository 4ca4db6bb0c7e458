import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { reservedNames } from '../../src/control/object-names.ts';
import { formatTrafficSchema } from '../../src/control/schemas.ts';
import { readTrafficFile } from '../../src/control/traffic-file.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/traffic-file.md'), 'utf8');
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

for (const [index, example] of examples.entries()) {
  test(`docs/traffic-file.md example ${index + 1} is read without a problem`, () => {
    assert.deepEqual(readTrafficFile(example, 'traffic.yaml').problems, []);
  });
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
}

/** Every key that the schema has, those of policies aside, which have a page of their own. */
function keysOf({ properties = {}, patternProperties = {} }: Schema): string[] {
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => [key, ...keysOf(inner)]),
    ...Object.values(patternProperties).flatMap(keysOf),
  ];
}

test('docs/traffic-file.md has every key of the schema, in a row of a table or as a heading', () => {
  const keys = new Set(keysOf(JSON.parse(formatTrafficSchema()) as Schema));
  assert.ok(keys.size > 40, [...keys].join(' '));
  const told = new Set([...page.matchAll(/^## (\w+)$/gm)].map(([, heading = '']) => heading));
  for (const [row] of page.matchAll(/^\|.*$/gm)) {
    for (const [, word = ''] of row.matchAll(/[`{, ](\w+)(?=[`,} ])/g)) told.add(word);
  }
  assert.deepEqual(
    [...keys].filter((key) => !told.has(key)),
    [],
  );
});

test('docs/traffic-file.md has no key in a first column that the schema does not have', () => {
  const keys = new Set(keysOf(JSON.parse(formatTrafficSchema()) as Schema));
  const firsts = [...page.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell);
  const named = firsts.flatMap((cell) =>
    [...cell.matchAll(/`(\w+)`/g)].map(([, key]) => key ?? ''),
  );
  assert.deepEqual(
    named.filter((key) => !keys.has(key)),
    [],
  );
  assert.ok(named.length > 40);
});

test('docs/traffic-file.md lists the names that nothing may bear', () => {
  for (const name of reservedNames) assert.ok(page.includes(`\`${name}\``), name);
});
