import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTrafficFile } from '../../src/control/traffic-file.ts';
import { degradedFactor } from '../../src/policy/eligibility.ts';
import { evaluate } from '../../src/policy/evaluate.ts';
import { nodesOf } from '../../src/policy/tree.ts';
import { byDistance, failover, paris, question, regions, service, sharesOf } from './build.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/policies.md'), 'utf8');

/** Puts the policy of an example into a service with the members that the page speaks of. */
function read(example: string) {
  const indented = example.replace(/^/gm, '    ');
  const text = `
regions:
  us-east: { latitude: 39, longitude: -77.5 }
  us-west: { latitude: 45.8, longitude: -119.7 }
  eu-west: { latitude: 53.3, longitude: -6.3 }
  ap-south: { latitude: 19.1, longitude: 72.9 }
services:
  web:
    members:
      us-east: { a: [192.0.2.1], weight: 3, capacity: 100 }
      us-west: { a: [192.0.2.2], weight: 2, capacity: 100 }
      eu-west: { a: [192.0.2.3], capacity: 100 }
      ap-south: { a: [192.0.2.4], capacity: 100 }
${indented}`;
  return readTrafficFile(text, 'traffic.yaml');
}

const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');

for (const [index, example] of examples.entries()) {
  test(`docs/policies.md example ${index + 1} is a policy that answers`, () => {
    const { problems, traffic } = read(example);
    assert.deepEqual(
      problems.filter(({ severity }) => severity !== 'warning'),
      [],
    );
    const web = traffic.services.get('web')!;
    const { choice } = evaluate(
      question(web, { client: paris, regions: traffic.regions, estimate: byDistance }),
    );
    assert.notEqual(choice.kind, 'empty');
  });
}

test('docs/policies.md shows every kind of node and explains it under its own heading', () => {
  const shown = new Set(
    examples.flatMap((example) => {
      const policy = read(example).traffic.services.get('web')?.policy;
      return policy === undefined ? [] : [...nodesOf(policy)].map(({ kind }) => kind);
    }),
  );
  const kinds = ['roundRobin', 'weighted', 'geo', 'nearest', 'latency', 'failover', 'sticky'];
  for (const kind of [...kinds, 'leastLoad'] as const) {
    assert.ok(shown.has(kind as never), `no example of ${kind}`);
    assert.match(page, new RegExp(`^## ${kind}$`, 'm'));
  }
});

test('docs/policies.md gives the factor of a degraded VIP', () => {
  assert.ok(page.includes(`a degraded VIP takes ${degradedFactor} of what it would take when up`));
});

test('docs/policies.md is right about two dialed members and nobody else', () => {
  const of = service(failover(['virginia', 'ireland']), { virginia: {}, ireland: {} });
  const dialed = regions({ virginia: { dial: 30 }, ireland: { dial: 50 } });
  assert.deepEqual(sharesOf(of, { regions: dialed }), { ireland: 0.4, virginia: 0.6 });
});
