import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { fillExample, type Harness, type Method, startHarness } from './harness.ts';

/** JSON that is likely to get past the first checks: the words of real forms, wildly put together. */
const words = fc.constantFrom(
  ...['place', 'dial', 'state', 'expires', 'expiry', 'at', 'latitude', 'members', 'policy', 'ttl'],
  ...['min', 'max', 'a', 'aaaa', 'weight', 'geo', 'match', 'use', 'else', 'failover', 'all', 'id'],
  ...['us-east', 'eu-west', 'monitors', 'type', 'port', 'interval', 'values', 'steer', 'rrsets'],
  ...[
    'name',
    'samples',
    'region',
    'ms',
    'prefix',
    'asn',
    'writes',
    'kind',
    'body',
    'down',
    'scopes',
  ],
);
const values = fc.oneof(
  words,
  fc.constantFrom('A', 'http', 'web', '10m', '192.0.2.1', 'aws:us-east-1', '@', 'STEER', 'zone'),
  fc.constantFrom(null, true, 0, -1, 1e300, 0.5, '', '__proto__', '\u0000', '\ud800'),
  fc.string(),
);
const { any } = fc.letrec<{ any: unknown }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4 },
    values,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(words, tie('any'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));

const targets: readonly (readonly [Method, string])[] = [
  ['PUT', '/v1/zones/example.com'],
  ['PUT', '/v1/zones/example.com/rrsets/mail/A'],
  ['PATCH', '/v1/zones/example.com/rrsets/www/STEER'],
  ['PUT', '/v1/regions/eu-west'],
  ['PATCH', '/v1/regions/eu-west'],
  ['PUT', '/v1/monitors/https'],
  ['PATCH', '/v1/services/web'],
  ['PUT', '/v1/services/web/policy'],
  ['PUT', '/v1/services/web/members/eu-west'],
  ['PATCH', '/v1/services/web/members/eu-west'],
  ['PUT', '/v1/networks/192.0.2.0%2F24'],
  ['POST', '/v1/changes'],
  ['POST', '/v1/measurements'],
  ['POST', '/v1/load'],
  ['POST', '/v1/explain'],
  ['POST', '/v1/simulations'],
];

describe('any body', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  for (const [method, path] of targets) {
    test(`${method} ${path} answers any JSON with success or a problem, never with 500`, async () => {
      const isWrite = !/measurements|load|explain|simulations/.test(path);
      await fc.assert(
        fc.asyncProperty(any, async (body) => {
          const url = isWrite ? `${path}?dryRun=1` : path;
          const response = await harness.call(method, url, { body: JSON.stringify(body) });
          assert.ok(response.statusCode < 500, response.body);
        }),
        { numRuns: 60 },
      );
    });
  }

  test('any path and query is answered, never with 500', async () => {
    const segments = fc.oneof(
      fc.constantFrom(
        'v1',
        'zones',
        'example.com',
        'rrsets',
        '@',
        'A',
        'regions',
        'revisions',
        '1',
      ),
      fc.constantFrom('..', '%00', '%2F', '%', 'diff', 'health', 'tokens', 'docs', 'static', '*'),
      fc.webSegment(),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(segments, { maxLength: 7 }),
        fc.option(fc.webQueryParameters()),
        async (path, query) => {
          const { statusCode, body } = await harness.api.inject({
            url: `/${path.join('/')}${query === null ? '' : `?${query}`}`,
            headers: { authorization: `Bearer ${harness.admin}` },
          });
          assert.ok(statusCode < 500, body);
        },
      ),
      { numRuns: 300 },
    );
  });
});
