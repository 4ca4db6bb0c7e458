import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

describe('revisions', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
    await harness.call('PATCH', '/v1/regions/eu-west', { body: { dial: 50 } });
    await harness.call('PATCH', '/v1/regions/eu-west', { body: { dial: 20 } });
    await harness.call('DELETE', '/v1/zones/example.com/rrsets/mail/A');
  });
  after(() => harness.close());

  test('the list runs from new to old with summaries, and is paged', async () => {
    const { call } = harness;
    const first = (await call('GET', '/v1/revisions?limit=3')).json();
    assert.deepEqual(
      first.items.map(({ number, summary }: { number: number; summary: string }) => [
        number,
        summary,
      ]),
      [
        [8, 'DELETE /v1/zones/example.com/rrsets/mail/A'],
        [7, 'PATCH /v1/regions/eu-west'],
        [6, 'PATCH /v1/regions/eu-west'],
      ],
    );
    const rest = (await call('GET', `/v1/revisions?cursor=${first.next}`)).json();
    assert.deepEqual(
      rest.items.map(({ number }: { number: number }) => number),
      [5, 4, 3, 2, 1],
    );
    assert.equal(rest.next, null);
  });

  test('one shows its changes before and after', async () => {
    const revision = (await harness.call('GET', '/v1/revisions/7')).json();
    assert.deepEqual(revision.changes, [
      {
        kind: 'region',
        id: 'eu-west',
        before: { place: 'aws:eu-west-1', dial: 50 },
        after: { place: 'aws:eu-west-1', dial: 20 },
      },
    ]);
    assert.equal((await harness.call('GET', '/v1/revisions/99')).statusCode, 404);
  });

  test('the audit chains every entry to the one before, across pages', async () => {
    const { call } = harness;
    const entries: { hash: string; previousHash: string | null }[] = [];
    for (let cursor = ''; ; ) {
      const page = (await call('GET', `/v1/audit?limit=3${cursor}`)).json();
      entries.push(...page.items);
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    assert.equal(entries.length, 8);
    for (const [at, entry] of entries.entries()) {
      assert.equal(entry.previousHash, entries[at + 1]?.hash ?? null);
    }
  });

  const diffs: readonly (readonly [string, number])[] = [
    ['/v1/revisions/5/diff/7', 1],
    ['/v1/diff?from=5&to=7', 1],
    ['/v1/revisions/7/diff/7', 0],
    ['/v1/revisions/0/diff/1', 1],
    ['/v1/diff?from=6', 3],
  ];
  for (const [url, count] of diffs) {
    test(`GET ${url} has ${count} changes`, async () => {
      const diff = (await harness.call('GET', url)).json();
      assert.equal(diff.changeCount, count);
      assert.equal(diff.changes.length, count);
    });
  }

  test('a difference read backward is the same with its sides swapped', async () => {
    const { call } = harness;
    const there = (await call('GET', '/v1/revisions/2/diff/8')).json();
    const back = (await call('GET', '/v1/revisions/8/diff/2')).json();
    assert.deepEqual(
      back.changes,
      there.changes.map((change: { before: unknown; after: unknown }) => ({
        ...change,
        before: change.after,
        after: change.before,
      })),
    );
  });

  test('a difference with a revision that is not there is 404', async () => {
    for (const url of ['/v1/revisions/1/diff/99', '/v1/diff?from=99']) {
      assert.equal((await harness.call('GET', url)).statusCode, 404, url);
    }
  });

  test('rollback is a new revision with the content of the old one', async () => {
    const { call, controller } = harness;
    const response = await call('POST', '/v1/revisions/5/rollback');
    assert.equal(response.statusCode, 200, response.body);
    assert.equal(response.json().number, 9);
    assert.equal(response.headers['x-revision'], '9');
    assert.equal((await call('GET', '/v1/regions/eu-west')).json().dial, 100);
    assert.equal((await call('GET', '/v1/zones/example.com/rrsets/mail/A')).statusCode, 200);
    const again = await call('POST', '/v1/revisions/9/rollback');
    assert.equal(again.statusCode, 200);
    assert.equal(controller.configuration().revision, 9, 'nothing to do makes no revision');
    const none = await call('POST', '/v1/revisions/99/rollback');
    assert.equal(problemOf(none).code, 'E_NOT_FOUND');
  });
});
