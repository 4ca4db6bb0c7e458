import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ProblemDetails } from '../../src/api/problem-details.ts';
import { limits } from '../../src/base/limits.ts';
import { fillExample, type Harness, startHarness } from './harness.ts';

const csv = { 'content-type': 'text/csv' };

describe('POST /v1/measurements', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const post = (body: unknown, headers: Record<string, string> = {}) =>
    harness.call('POST', '/v1/measurements', { body, headers });

  test('takes JSON, with clients in either form', async () => {
    const samples = [
      { prefix: '203.0.113.0/24', region: 'eu-west', ms: 31.5, count: 40 },
      { clients: 'AS64500', region: 'eu-west', ms: 12 },
    ];
    const response = await post({ samples });
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { accepted: 2, problems: [] });
  });

  test('takes lines of text/csv', async () => {
    const response = await post(
      'clients,region,ms\n203.0.113.0/24,eu-west,31.5\nIN,eu-west,90,7\n',
      csv,
    );
    assert.equal(response.statusCode, 200);
    assert.deepEqual(response.json(), { accepted: 2, problems: [] });
  });

  test('takes the good ones of a batch and reports the others by index', async () => {
    const lines =
      'IN,eu-west,90\nIN,moon,90\nIN,eu-west,fast\nnobody,eu-west,90\nIN,eu-west,90,0\n';
    const sent: [unknown, Record<string, string>][] = [
      [lines, csv],
      [
        {
          samples: [
            { country: 'IN', region: 'eu-west', ms: 90 },
            { country: 'IN', region: 'moon', ms: 90 },
            { country: 'IN', region: 'eu-west', ms: 0 },
            { prefix: 'nobody', region: 'eu-west', ms: 90 },
            { asn: 1, country: 'IN', region: 'eu-west', ms: 90 },
          ],
        },
        {},
      ],
    ];
    for (const [body, headers] of sent) {
      const { accepted, problems } = (await post(body, headers)).json() as {
        accepted: number;
        problems: { code: string; where: string }[];
      };
      assert.equal(accepted, 1);
      assert.deepEqual(
        problems.map(({ code, where }) => `${code} ${where}`),
        [
          'E_MEASUREMENT /samples/1',
          'E_MEASUREMENT /samples/2',
          'E_MEASUREMENT /samples/3',
          'E_MEASUREMENT /samples/4',
        ],
      );
    }
  });

  test('lists no more problems than an answer may have, and counts all of them', async () => {
    const response = await post(`IN,eu-west,90\n${'IN,moon,90\n'.repeat(500)}`, csv);
    const { accepted, problems } = response.json() as { accepted: number; problems: unknown[] };
    assert.deepEqual([accepted, problems.length], [1, limits.problemsPerAnswer]);
  });

  test('refuses a batch of which nothing can be taken, and other text', async () => {
    const refused: [string, Record<string, string>, number, string][] = [
      ['IN,moon,90\n', csv, 422, 'E_MEASUREMENT'],
      ['', csv, 422, 'E_FORM_MISSING'],
      ['IN,eu-west,9\n'.repeat(limits.samplesPerBatch + 1), csv, 422, 'E_FORM_RANGE'],
      [`IN,eu-west,9\n${' '.repeat(limits.bodyBytes)}`, csv, 413, 'E_TOO_LARGE'],
      ['IN,eu-west,90', { 'content-type': 'text/plain' }, 415, 'E_MEDIA_TYPE'],
    ];
    for (const [body, headers, status, code] of refused) {
      const response = await post(body, headers);
      assert.equal(response.statusCode, status, response.body);
      assert.equal((response.json() as ProblemDetails).code, code);
    }
    const elsewhere = await harness.call('POST', '/v1/load', { body: 'a,b,c', headers: csv });
    assert.equal(elsewhere.statusCode, 415);
  });

  test('asks to wait when too many come in, before it reads them', async () => {
    const full = 'IN,eu-west,90\n'.repeat(limits.samplesPerBatch);
    let last = await post(full, csv);
    for (let batch = 0; batch < 8 && last.statusCode === 200; batch += 1) {
      last = await post(full, csv);
    }
    assert.equal(last.statusCode, 429);
    assert.equal((last.json() as ProblemDetails).code, 'E_TOO_MANY_SAMPLES');
    assert.equal(last.headers['retry-after'], '1');
    harness.clock.advance(1000);
    assert.equal((await post('IN,eu-west,90\n', csv)).statusCode, 200);
  });
});
