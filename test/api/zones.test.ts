import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { exampleZone, fillExample, type Harness, problemOf, startHarness } from './harness.ts';

describe('zones', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('GET /v1/zones lists name, serial and size', async () => {
    const { call } = harness;
    const response = await call('GET', '/v1/zones');
    assert.deepEqual(response.json(), {
      items: [{ name: 'example.com.', serial: 1, rrsetCount: 5, recordCount: 5 }],
      next: null,
    });
  });
});
