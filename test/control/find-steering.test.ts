import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findSteering, type SteeringOutcome } from '../../src/control/find-steering.ts';
import { nameKey } from '../../src/wire/names.ts';
import { rrTypes } from '../../src/wire/types.ts';
import type { Zone } from '../../src/zone/zone.ts';
import { service } from '../policy/build.ts';
import type { ReadAnswer } from '../server/read-answer.ts';
import { Serving, zone } from './serving.ts';

const web = service('virginia', { virginia: { a: ['192.0.2.1'], aaaa: ['2001:db8::1'] } });

function find(zones: readonly Zone[], name: string, type: 'A' | 'AAAA' = 'A') {
  const byName = new Map(zones.map((one) => [one.origin, one]));
  return findSteering(byName, nameKey(name), rrTypes[type]);
}

test('findSteering() says by which way a name comes to its service', () => {
  const zones = [
    zone(
      'example.com.',
      `www 30 STEER web
*.any 60 CNAME www
old 60 DNAME new
x.new STEER web
far 60 CNAME www.example.net.
loop 60 CNAME loop2
loop2 60 CNAME loop
sub 60 NS ns.example.net.
a.ent 60 TXT "x"
`,
    ),
    zone('example.net.', 'www STEER web\n'),
  ];
  const notes = (name: string, type: 'A' | 'AAAA' = 'A') => find(zones, name, type).note;
  assert.deepEqual(find(zones, 'www.example.com'), {
    outcome: 'steered',
    zone: 'example.com.',
    service: 'web',
    ttlSeconds: 30,
    note: 'steered to web',
  });
  assert.equal(
    notes('b.any.example.com'),
    'wildcard *.any.example.com., CNAME to www.example.com., steered to web',
  );
  assert.equal(
    notes('x.old.example.com'),
    'DNAME at old.example.com., on to x.new.example.com., steered to web',
  );
  assert.equal(find(zones, 'far.example.com').zone, 'example.net.');
  assert.match(notes('loop.example.com'), /circle$/);
  assert.match(notes('x.sub.example.com'), /delegated at sub/);
  assert.match(notes('ent.example.com'), /empty non-terminal/);
  assert.equal(notes('ns1.example.com'), 'static addresses');
  assert.equal(notes('ns1.example.com', 'AAAA'), 'NODATA: no AAAA record');
});

test('findSteering() follows as many CNAMEs as the data plane and no more', () => {
  const chain = (length: number) =>
    Array.from({ length }, (_, index) => `c${index} 60 CNAME c${index + 1}\n`).join('');
  const eight = [zone('example.', `${chain(8)}c8 STEER web\n`)];
  const nine = [zone('example.', `${chain(9)}c9 STEER web\n`)];
  assert.equal(find(eight, 'c0.example').outcome, 'steered');
  assert.equal(find(nine, 'c0.example').outcome, 'elsewhere');
  for (const zones of [eight, nine]) {
    const serving = new Serving().serve({ zones, services: { web } });
    assert.equal(outcomeOf(serving.ask('c0.example')), find(zones, 'c0.example').outcome);
  }
});

test('findSteering() looks through a zone of many names once at most', () => {
  let looked = 0;
  const real = zone('example.', 'www STEER web\na.b.c.d.e.f 60 A 198.51.100.1\n');
  const counting: Zone = {
    origin: real.origin,
    nodes: new (class extends Map<string, never> {
      override get(key: string) {
        return real.nodes.get(key) as never;
      }
      override has(key: string) {
        return real.nodes.has(key);
      }
      override *keys(): MapIterator<string> {
        for (const key of real.nodes.keys()) {
          looked += 1;
          yield key;
        }
      }
    })(),
  };
  for (const name of ['1.2.3.4.5.6.example', '1.2.3.d.e.f.example', 'www.example', 'e.f.example']) {
    looked = 0;
    find([counting], name);
    // Once for the closest encloser, once for a wildcard that owns nothing.
    assert.ok(looked <= 2 * real.nodes.size, `${name}: ${looked}`);
  }
});

const long = 'l'.repeat(60);
const label = fc.constantFrom('a', 'b', '*', 'a', 'b', long);
const relative = fc.array(label, { minLength: 1, maxLength: 3 }).map((labels) => labels.join('.'));
const origins = ['example.', 'b.example.', 'other.'] as const;
const absolute = fc
  .tuple(relative, fc.constantFrom(...origins, 'elsewhere.'))
  .map(([name, origin]) => `${name}.${origin}`);
const longTarget = `${[long, long, long].join('.')}.example.`;
const record = fc.oneof(
  fc.constantFrom('STEER web', 'STEER web', '60 A 198.51.100.7', '60 AAAA 2001:db8:f::7'),
  fc.constantFrom('60 TXT "x"', '60 NS ns.elsewhere.'),
  absolute.map((target) => `60 CNAME ${target}`),
  fc.oneof(absolute, fc.constant(longTarget)).map((target) => `60 DNAME ${target}`),
);
const apexRecord = fc.oneof(
  fc.constantFrom('', '', 'STEER web', '60 A 198.51.100.7'),
  absolute.map((target) => `60 DNAME ${target}`),
);

/** Zones that pass the checks: nothing below a DNAME, no STEER at or below a cut. */
const zones = fc
  .tuple(
    fc.subarray([...origins], { minLength: 1 }),
    fc.array(fc.dictionary(relative, record, { maxKeys: 7 }), { minLength: 3, maxLength: 3 }),
    fc.array(apexRecord, { minLength: 3, maxLength: 3 }),
  )
  .map(([some, tables, apexes]) =>
    some.map((origin, index): Zone => {
      const apex = apexes[index] ?? '';
      const table = Object.entries(apex.includes('DNAME') ? {} : (tables[index] ?? {}));
      const isUnder = (name: string, kind: string, orAt: boolean) =>
        table.some(
          ([other, text]) =>
            text.includes(kind) && (name.endsWith(`.${other}`) || (orAt && name === other)),
        );
      const kept = table.filter(
        ([name, text]) =>
          !isUnder(name, ' DNAME ', false) &&
          !(text.startsWith('STEER') && isUnder(name, ' NS ', true)),
      );
      const lines = kept.map(([name, text]) => `${name} ${text}`);
      const text = `${apex === '' ? '' : `@ ${apex}`}\n${lines.join('\n')}\n`;
      // A DNAME at the apex has nothing below it, not even the name server.
      return apex.includes('DNAME') ? apexDname(origin, text) : zone(origin, text);
    }),
  );

function apexDname(origin: string, text: string): Zone {
  const made = zone(origin, '');
  const nodes = new Map(made.nodes);
  nodes.delete(`ns1.${origin}`);
  const aliased = zone('made.', text.replace('@', 'd')).nodes.get('d.made.');
  nodes.set(origin, new Map([...(nodes.get(origin) ?? []), ...(aliased ?? [])]));
  return { origin, nodes };
}

/** What an answer of the data plane amounts to. */
function outcomeOf(answer: ReadAnswer): SteeringOutcome {
  const { rcode, authority } = answer;
  if (rcode === 'REFUSED') return 'refused';
  if (rcode === 'YXDOMAIN') return 'too-long';
  if (rcode === 'NXDOMAIN') return 'nxdomain';
  assert.equal(rcode, 'NOERROR');
  if (answer.answer.some((text) => / (192\.0\.2\.1|2001:db8::1)$/.test(text))) return 'steered';
  if (answer.answer.some((text) => / (A|AAAA) /.test(text))) return 'static';
  if (authority.some((text) => text.includes(' SOA '))) return 'nodata';
  return authority.some((text) => text.includes(' NS ')) ? 'delegated' : 'elsewhere';
}

test('findSteering() and the data plane agree on every name', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(
      zones,
      fc.array(fc.tuple(absolute, fc.constantFrom<'A' | 'AAAA'>('A', 'AAAA')), {
        minLength: 12,
        maxLength: 12,
      }),
      (made, questions) => {
        const serving = new Serving().serve({ zones: made, services: { web } });
        for (const [name, type] of questions) {
          const found = find(made, name, type);
          const answer = serving.ask(`${name} ${type}`);
          assert.equal(found.outcome, outcomeOf(answer), `${name} ${type}: ${found.note}`);
          seen.set(found.outcome, (seen.get(found.outcome) ?? 0) + 1);
        }
      },
    ),
    { numRuns: 600 },
  );
  const all: SteeringOutcome[] = [
    'steered',
    'static',
    'nodata',
    'nxdomain',
    'delegated',
    'refused',
    'elsewhere',
    'too-long',
  ];
  // A property over zones in which an outcome never comes would say nothing of it.
  for (const outcome of all) assert.ok((seen.get(outcome) ?? 0) > 0, outcome);
});
