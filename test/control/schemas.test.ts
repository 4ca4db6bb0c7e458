import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import Schema from 'typebox/schema';
import { formatTrafficSchema } from '../../src/control/schemas.ts';
import { readTrafficFile } from '../../src/control/traffic-file.ts';
import { formatTraffic } from '../../src/control/traffic-form.ts';
import { trafficArbitrary } from './arbitraries.ts';

const folder = join(import.meta.dirname, '../../zones');
const schema = JSON.parse(formatTrafficSchema()) as object;
const takes = Schema.Compile(schema);
const errorsOf = (value: unknown) => takes.Errors(value)[1];

test('zones/traffic.schema.json is what the schemas say', () => {
  const file = join(folder, 'traffic.schema.json');
  // As values: the formatter has its own taste in line breaks.
  assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')), schema);
});

test('trafficSchema, law: takes whatever the reader makes', () => {
  fc.assert(
    fc.property(trafficArbitrary, (traffic) => {
      const form = JSON.parse(JSON.stringify(formatTraffic(traffic))) as unknown;
      assert.ok(takes.Check(form), JSON.stringify([form, errorsOf(form)]));
    }),
    { numRuns: 100 },
  );
});

test('trafficSchema refuses what the reader refuses for its shape', () => {
  const services = (service: unknown) => ({ services: { web: service } });
  const member = { members: { eu: { a: ['192.0.2.1'] } } };
  for (const form of [
    { regons: {} },
    { regions: { eu: { place: 'aws:eu-west-1', dail: 1 } } },
    { regions: { eu: { place: 'aws:eu-west-1', dial: 101 } } },
    { regions: { EU: { place: 'aws:eu-west-1' } } },
    { monitors: { m: {} } },
    { monitors: { m: { type: 'http', interval: 10 } } },
    services({}),
    services({ members: {} }),
    services({ ...member, ttl: -1 }),
    services({ ...member, policy: { latency: 'some' } }),
    services({ ...member, policy: { latency: 'all', failover: ['eu'] } }),
    services({ ...member, policy: { geo: [{ use: 'eu' }] } }),
    { networks: { '192.0.2.0/24': {} } },
  ]) {
    assert.equal(takes.Check(form), false, JSON.stringify(form));
    const { problems } = readTrafficFile(JSON.stringify(form), 'f');
    assert.ok(
      problems.some(({ severity }) => severity !== 'warning'),
      JSON.stringify(form),
    );
  }
});
