import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

const rrsets = [
  { name: '@', type: 'SOA', ttl: 300, values: ['ns1 hostmaster 1 7200 900 1209600 300'] },
  { name: '@', type: 'NS', ttl: 300, values: ['ns1'] },
  { name: 'ns1', type: 'A', ttl: 300, values: ['192.0.2.53'] },
  { name: 'www', type: 'STEER', ttl: 30, steer: 'web', where: 'zones/example.com.zone:7' },
];
const zone = (more: readonly unknown[] = []) => ({
  kind: 'zone',
  id: 'example.com',
  body: { rrsets: [...rrsets, ...more] },
});

describe('POST /v1/changes', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const post = (body: object, query = '', headers: Record<string, string> = {}) =>
    harness.call('POST', `/v1/changes${query}`, { body, headers });
  const revision = () => harness.controller.configuration().revision;

  test('makes several writes one revision with the given summary', async () => {
    const before = revision();
    const response = await post({
      summary: 'apply zones/',
      writes: [
        { kind: 'region', id: 'ap-south', body: { place: 'aws:ap-south-1' } },
        {
          kind: 'rrset',
          id: 'example.com./txt.example.com./TXT',
          body: { ttl: 60, values: ['"x"'] },
        },
      ],
    });
    assert.equal(response.statusCode, 200, response.body);
    assert.equal(response.json().revision, before + 1);
    assert.equal(Number(response.headers['x-revision']), before + 1);
    // The SOA serial moved with the zone's content.
    assert.equal(response.json().changeCount, 3);
    assert.equal(harness.controller.revision(before + 1)?.summary, 'apply zones/');
  });

  test('with dryRun answers with the plan and keeps nothing', async () => {
    const before = revision();
    const response = await post(
      { writes: [{ kind: 'region', id: 'us-east', body: null }] },
      '?dryRun=1',
    );
    assert.equal(problemOf(response).code, 'E_IN_USE');
    const plan = await post(
      { writes: [{ kind: 'region', id: 'af-south', body: { place: 'aws:af-south-1' } }] },
      '?dryRun=1',
    );
    assert.equal(plan.json().dryRun, true);
    assert.equal(plan.json().changeCount, 1);
    assert.equal(revision(), before);
  });

  test('a zone with rrsets has exactly these, and its serial only moves forward', async () => {
    const first = await post({
      writes: [zone([{ name: 'new', type: 'A', ttl: 5, values: ['192.0.2.1'] }])],
    });
    assert.equal(first.statusCode, 200, first.body);
    const nodes = harness.controller.configuration().zones.get('example.com.')?.nodes;
    assert.ok(nodes?.has('new.example.com.'));
    assert.ok(!nodes?.has('mail.example.com.'), 'mail was not among the RRsets');
    const serial = async () => (await harness.call('GET', '/v1/zones')).json().items[0].serial;
    const reached = await serial();
    assert.ok(reached > 1);
    const second = await post({ writes: [zone()] });
    assert.equal(second.statusCode, 200, second.body);
    assert.equal(await serial(), reached + 1);
    const third = await post({ writes: [zone()] });
    assert.equal(third.json().changeCount, 0, 'the same again changes nothing');
    assert.equal(await serial(), reached + 1);
  });

  test('names the place that the caller has a write from in its problems', async () => {
    const broken = rrsets.map((rrset) => ('steer' in rrset ? { ...rrset, steer: 'wbe' } : rrset));
    const response = await post({
      writes: [{ kind: 'zone', id: 'example.com.', body: { rrsets: broken } }],
    });
    const problem = problemOf(response);
    assert.equal(problem.code, 'E_SERVICE_UNKNOWN');
    assert.equal(problem.errors[0]?.where, 'zones/example.com.zone:7');
  });

  test('reports every malformed RRset and changes nothing', async () => {
    const before = revision();
    const response = await post({
      writes: [
        zone([
          { name: 'a', type: 'A', ttl: 5, values: ['192.0.2.256'], where: 'f:1' },
          { name: 'other.test.', type: 'A', ttl: 5, values: ['192.0.2.1'] },
          { name: 'www', type: 'STEER', steer: 'web' },
          'nonsense',
        ]),
        { kind: 'zone', id: 'example.com.', body: { rrsets } },
        { kind: 'network', id: '10.0.0.1/8', body: {} },
      ],
    });
    assert.deepEqual(
      problemOf(response).errors.map(({ code, where }) => `${where} ${code}`),
      [
        'f:1 E_RDATA_SYNTAX',
        '/writes/0/body/rrsets/5 E_ZONE_OUTSIDE',
        '/writes/0/body/rrsets/6 E_FORM_DUPLICATE',
        '/writes/0/body/rrsets/7 E_FORM_TYPE',
        '/writes/1 E_FORM_DUPLICATE',
        '/writes/2/id E_ID_INVALID',
      ],
    );
    assert.equal(revision(), before);
  });

  test('prune removes what is not among the writes, of the named kind alone', async () => {
    await harness.call('PUT', '/v1/regions/eu-north', { body: { place: 'aws:eu-north-1' } });
    await harness.call('PUT', '/v1/zones/gone.example', {
      body: '@ 60 SOA ns hostmaster 1 2 3 4 5\n@ 60 NS ns.example.com.\n',
      headers: { 'content-type': 'text/dns' },
    });
    const pruned = await post({ writes: [zone()], prune: ['zones'] });
    assert.equal(pruned.statusCode, 200, pruned.body);
    const { zones, traffic } = harness.controller.configuration();
    assert.deepEqual([...zones.keys()], ['example.com.']);
    assert.ok(traffic.regions.has('eu-north'));
  });

  test('onRevision refuses a change that was planned on an older revision', async () => {
    const write = { kind: 'region', id: 'sa-east', body: { place: 'aws:sa-east-1' } };
    const stale = await post({ writes: [write], onRevision: revision() - 1 });
    assert.equal(problemOf(stale).status, 412);
    const fresh = await post({ writes: [write], onRevision: revision() });
    assert.equal(fresh.statusCode, 200, fresh.body);
  });

  test('an idempotency key gives the first answer again', async () => {
    const body = {
      writes: [{ kind: 'region', id: 'me-south', body: { place: 'aws:me-south-1' } }],
    };
    const headers = { 'idempotency-key': 'once' };
    const first = await post(body, '', headers);
    const again = await post(body, '', headers);
    assert.equal(first.json().revision, again.json().revision);
    assert.equal(revision(), first.json().revision);
  });

  test('needs a token that may write everywhere', async () => {
    const { secret } = await harness.makeToken({
      name: 'one zone',
      scopes: ['write:zone:example.com.'],
    });
    const response = await harness.call('POST', '/v1/changes', {
      body: { writes: [] },
      token: secret,
    });
    assert.equal(problemOf(response).status, 403);
  });

  test('takes bodies larger than other routes', async () => {
    const many = Array.from({ length: 20_000 }, (_, index) => ({
      name: `host-${index}`,
      type: 'TXT',
      ttl: 60,
      values: [`"${'x'.repeat(60)}"`],
    }));
    const response = await post({ writes: [zone(many)] }, '?dryRun=1');
    assert.equal(response.statusCode, 200, response.body.slice(0, 500));
    assert.ok(response.json().changeCount >= 20_000);
    assert.equal(response.json().changes.length, 1000);
  });
});
