import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMeasurementCsv } from '../../src/api/measurement-csv.ts';
import { MeridianError } from '../../src/base/errors.ts';
import { limits } from '../../src/base/limits.ts';

const nan = Number.NaN;
const cases: [string, object[]][] = [
  ['203.0.113.0/24,eu,31.5', [{ clients: '203.0.113.0/24', region: 'eu', ms: 31.5 }]],
  ['IN,eu,31,40\n', [{ clients: 'IN', region: 'eu', ms: 31, count: 40 }]],
  ['clients,region,ms\r\nIN,eu,31\r\n', [{ clients: 'IN', region: 'eu', ms: 31 }]],
  ['\ufeffclients,region,ms\nIN,eu,31', [{ clients: 'IN', region: 'eu', ms: 31 }]],
  ['\ufeffIN,eu,31', [{ clients: 'IN', region: 'eu', ms: 31 }]],
  ['clients,region,ms,count\nIN,eu,31,2', [{ clients: 'IN', region: 'eu', ms: 31, count: 2 }]],
  [
    'IN,eu,31\n\n\nAS64500,us,1e2',
    [
      { clients: 'IN', region: 'eu', ms: 31 },
      { clients: 'AS64500', region: 'us', ms: 100 },
    ],
  ],
  ['IN,eu,', [{ clients: 'IN', region: 'eu', ms: nan }]],
  ['IN,eu', [{ clients: 'IN', region: 'eu', ms: nan }]],
  ['IN', [{ clients: 'IN', region: '', ms: nan }]],
  ['IN,eu,fast', [{ clients: 'IN', region: 'eu', ms: nan }]],
  ['IN,eu,3,', [{ clients: 'IN', region: 'eu', ms: 3, count: nan }]],
  ['IN,eu,3,4,5', [{ clients: 'IN', region: 'eu', ms: 3, count: nan }]],
  [
    'IN\nLK,eu,3',
    [
      { clients: 'IN', region: '', ms: nan },
      { clients: 'LK', region: 'eu', ms: 3 },
    ],
  ],
];
for (const [text, expected] of cases) {
  test(`parseMeasurementCsv(${JSON.stringify(text)})`, () => {
    assert.deepEqual(parseMeasurementCsv(text), expected);
  });
}

const codeOf = (text: string) => {
  try {
    parseMeasurementCsv(text);
  } catch (error) {
    return error instanceof MeridianError ? error.code : error;
  }
  return undefined;
};

test('parseMeasurementCsv() refuses no samples, and more than a batch has', () => {
  assert.equal(codeOf(''), 'E_FORM_MISSING');
  assert.equal(codeOf('\n\n'), 'E_FORM_MISSING');
  assert.equal(codeOf('clients,region,ms\n'), 'E_FORM_MISSING');
  const full = 'IN,eu,3\n'.repeat(limits.samplesPerBatch);
  assert.equal(codeOf(full), undefined);
  assert.equal(codeOf(`${full}IN,eu,3`), 'E_FORM_RANGE');
});

test('parseMeasurementCsv() reads back what was written, and takes any text without another error', () => {
  const field = fc.stringMatching(/^[A-Za-z0-9.:/]{1,20}$/);
  const sample = fc.record({
    clients: field,
    region: field,
    ms: fc.double({ min: 0, max: 1e4, noNaN: true }),
    count: fc.integer({ min: 1, max: 1000 }),
  });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
      const lines = samples.map(({ clients, region, ms, count }) =>
        [clients, region, ms, count].join(','),
      );
      assert.deepEqual(
        parseMeasurementCsv(lines.join('\n')).map(({ ms, ...rest }) => ({ ...rest, ms: ms + 0 })),
        samples.map(({ ms, ...rest }) => ({ ...rest, ms: ms + 0 })),
      );
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      assert.ok([undefined, 'E_FORM_MISSING'].includes(codeOf(text) as undefined));
    }),
  );
});
