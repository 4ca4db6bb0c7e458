import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fillExample, type Harness, problemOf, startHarness } from './harness.ts';

/** Path of a collection, the id as a path has it, the id, a body, a patch, what the patch makes. */
const kinds: readonly (readonly [string, string, string, object, object, object])[] = [
  [
    'regions',
    'ap-south',
    'ap-south',
    { place: 'aws:ap-south-1' },
    { dial: 40 },
    { id: 'ap-south', place: 'aws:ap-south-1', dial: 40, state: 'active' },
  ],
  [
    'monitors',
    'ping',
    'ping',
    { type: 'tcp', port: 443 },
    { port: 80, interval: '5s' },
    { id: 'ping', type: 'tcp', interval: '5s', port: 80 },
  ],
  [
    'services',
    'api',
    'api',
    { members: { 'us-east': { a: ['192.0.2.20'] } } },
    { ttl: 10, members: { 'us-east': { weight: 5 } } },
    {
      id: 'api',
      ttl: 10,
      members: { 'us-east': { a: ['192.0.2.20'], weight: 5 } },
      policy: { roundRobin: 'all' },
    },
  ],
  [
    'networks',
    '203.0.113.0%2F24',
    '203.0.113.0/24',
    { country: 'DE' },
    { country: null, asn: 64500 },
    { id: '203.0.113.0/24', asn: 64500 },
  ],
];

describe('regions, monitors, services and networks', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  for (const [path, segment, id, body, patch, patched] of kinds) {
    test(`/v1/${path} makes, lists, changes and removes`, async () => {
      const { call } = harness;
      const url = `/v1/${path}/${segment}`;
      assert.equal((await call('GET', url)).statusCode, 404);
      assert.equal((await call('PATCH', url, { body: patch })).statusCode, 404);
      const made = await call('PUT', url, { body });
      assert.equal(made.statusCode, 201, made.body);
      assert.equal(made.headers['location'], url);
      const read = await call('GET', url);
      assert.deepEqual(read.json(), made.json());
      assert.equal(read.headers['etag'], made.headers['etag']);
      const list = (await call('GET', `/v1/${path}`)).json();
      assert.ok(list.items.some((item: { id: string }) => item.id === id));
      const again = await call('PUT', url, { body: read.json() });
      assert.equal(again.statusCode, 200, 'what GET gave may be PUT');
      assert.equal(again.headers['etag'], made.headers['etag'], 'and changes nothing');
      const changed = await call('PATCH', url, {
        body: patch,
        headers: { 'content-type': 'application/merge-patch+json' },
      });
      assert.equal(changed.statusCode, 200, changed.body);
      assert.deepEqual(changed.json(), patched);
      assert.notEqual(changed.headers['etag'], made.headers['etag']);
      const other = await call('PUT', url, { body: { ...body, id: 'other' } });
      assert.ok([400, 409].includes(other.statusCode), 'a body may not name another object');
      assert.equal((await call('DELETE', url)).statusCode, 204);
      assert.equal((await call('DELETE', url)).statusCode, 404);
    });
  }

  test('a list is paged by limit and cursor', async () => {
    const { call } = harness;
    const first = (await call('GET', '/v1/regions?limit=1')).json();
    assert.deepEqual(
      first.items.map((item: { id: string }) => item.id),
      ['eu-west'],
    );
    const second = (await call('GET', `/v1/regions?limit=1&cursor=${first.next}`)).json();
    assert.deepEqual(
      second.items.map((item: { id: string }) => item.id),
      ['us-east'],
    );
    assert.equal(second.next, null);
  });

  test('a bare address is a network of its full length', async () => {
    const { call } = harness;
    const made = await call('PUT', '/v1/networks/2001:DB8::1', { body: { country: 'FR' } });
    assert.equal(made.json().id, '2001:db8::1/128');
    assert.equal((await call('DELETE', '/v1/networks/2001:db8::1%2F128')).statusCode, 204);
  });

  const wrong: readonly (readonly [string, string, unknown, number, string])[] = [
    ['a region at no place', 'regions/x', {}, 422, 'E_FORM_MISSING'],
    ['a place that is none', 'regions/x', { place: 'aws:mars' }, 422, 'E_PLACE_UNKNOWN'],
    ['a dial over 100', 'regions/eu-west', { dial: 101 }, 422, 'E_FORM_RANGE'],
    ['a state that is none', 'regions/eu-west', { state: 'off' }, 422, 'E_FORM_VALUE'],
    ['expires that is none', 'regions/eu-west', { dial: 0, expires: 'soon' }, 422, 'E_FORM_VALUE'],
    ['a name in capitals', 'regions/X', { place: 'aws:us-east-1' }, 422, 'E_NAME_INVALID'],
    ['an unknown key', 'regions/eu-west', { dail: 1 }, 422, 'E_FORM_UNKNOWN_KEY'],
    ['a number for an object', 'regions/eu-west', 5, 422, 'E_FORM_TYPE'],
    ['null for an object', 'services/web', null, 422, 'E_FORM_MISSING'],
    ['nothing for an object', 'services/web', undefined, 422, 'E_FORM_MISSING'],
    [
      'a timeout over its interval',
      'monitors/m',
      { type: 'tcp', port: 1, interval: '1s', timeout: '2s' },
      422,
      'E_FORM_RANGE',
    ],
    [
      'a member in no region',
      'services/s',
      { members: { moon: { a: ['192.0.2.7'] } } },
      422,
      'E_REGION_UNKNOWN',
    ],
    ['a prefix with further bits', 'networks/203.0.113.1%2F24', { asn: 1 }, 400, 'E_QUERY'],
  ];
  for (const [what, path, body, status, code] of wrong) {
    test(`PUT refuses ${what} with ${code}`, async () => {
      const response = await harness.call('PUT', `/v1/${path}`, { body });
      assert.equal(response.statusCode, status, response.body);
      assert.equal(problemOf(response).code, code);
    });
  }

  test('DELETE of what others use is a conflict and names them', async () => {
    for (const path of ['regions/eu-west', 'monitors/https', 'services/web']) {
      const response = await harness.call('DELETE', `/v1/${path}`);
      assert.equal(response.statusCode, 409);
      assert.equal(problemOf(response).code, 'E_IN_USE');
      assert.match(problemOf(response).detail, /used by the (services web|names www)/);
    }
  });

  test('all problems of a body are reported at once, with their places', async () => {
    const body = { ttl: -1, members: { 'us-east': { a: ['x'], weight: 1e9 } }, polcy: 'all' };
    const { errors } = problemOf(await harness.call('PUT', '/v1/services/web', { body }));
    assert.deepEqual(errors.map(({ where }) => where).sort(), [
      '/services/web/members/us-east/a/0',
      '/services/web/members/us-east/weight',
      '/services/web/polcy',
      '/services/web/ttl',
    ]);
  });
});

describe('drills', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('a region that is put down with expires comes back by itself as it was', async () => {
    const { call, clock } = harness;
    await call('PATCH', '/v1/regions/eu-west', { body: { dial: 80 } });
    const down = await call('PUT', '/v1/regions/eu-west', {
      body: { state: 'down', expires: '10m' },
    });
    assert.equal(down.statusCode, 200, down.body);
    assert.equal(down.json().state, 'down');
    assert.equal(down.json().place, 'aws:eu-west-1');
    const at = new Date(clock.epochMs() + 600_000).toISOString();
    assert.deepEqual(down.json().expiry, { at, dial: 80, state: 'active' });
    clock.advance(599_000);
    await settle();
    assert.equal((await call('GET', '/v1/regions/eu-west')).json().state, 'down');
    clock.advance(2000);
    await settle();
    assert.deepEqual((await call('GET', '/v1/regions/eu-west')).json(), {
      id: 'eu-west',
      place: 'aws:eu-west-1',
      dial: 80,
      state: 'active',
    });
    assert.equal((await call('GET', '/v1/audit?limit=1')).json().items[0].actor, 'expiry');
  });

  test('dial 0 takes a region out of the answers', async () => {
    const { call } = harness;
    const explain = async () =>
      (await call('GET', '/v1/explain?name=www.example.com&client=203.0.113.7')).json();
    const share = (explanation: { evaluation: { members: { member: string; share: number }[] } }) =>
      explanation.evaluation.members.find(({ member }) => member === 'eu-west')?.share;
    assert.ok((share(await explain()) ?? 0) > 0);
    await call('PATCH', '/v1/regions/eu-west', { body: { dial: 0 } });
    assert.equal(share(await explain()), 0);
  });
});

describe('policies and members', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const service = '/v1/services/web';

  test("a policy is read and replaced alone, with its service's ETag", async () => {
    const { call } = harness;
    const read = await call('GET', `${service}/policy`);
    assert.deepEqual(read.json(), { weighted: 'all' });
    assert.equal(read.headers['etag'], (await call('GET', service)).headers['etag']);
    const body = { failover: ['eu-west', 'us-east'] };
    const put = await call('PUT', `${service}/policy`, { body });
    assert.equal(put.statusCode, 200, put.body);
    assert.deepEqual(put.json(), body);
    assert.deepEqual((await call('GET', service)).json().policy, body);
    assert.equal(put.headers['etag'], (await call('GET', service)).headers['etag']);
  });

  test('a policy may be one word, in JSON', async () => {
    const { call } = harness;
    const put = await call('PUT', `${service}/policy`, { body: '"us-east"' });
    assert.equal(put.statusCode, 200, put.body);
    assert.equal(put.json(), 'us-east');
    assert.ok(String(put.headers['x-warning']).includes('E_POLICY_UNUSED'), 'eu-west is left out');
    assert.equal((await call('GET', `${service}/policy`)).json(), 'us-east');
    await call('PUT', `${service}/policy`, { body: '"all"' });
  });

  test('a policy that names nobody is refused with its place', async () => {
    const response = await harness.call('PUT', `${service}/policy`, {
      body: { failover: ['eu-west', 'moon'] },
    });
    assert.equal(response.statusCode, 422);
    const { errors } = problemOf(response);
    assert.deepEqual(errors[0], {
      code: 'E_MEMBER_UNKNOWN',
      message: errors[0]?.message,
      where: '/services/web/policy/failover/1',
    });
    assert.match(String(errors[0]?.message), /"moon"/);
  });

  test('a member is made, changed and removed alone', async () => {
    const { call } = harness;
    await call('PUT', '/v1/regions/ap-south', { body: { place: 'aws:ap-south-1' } });
    const url = `${service}/members/ap-south`;
    assert.equal((await call('GET', url)).statusCode, 404);
    assert.equal((await call('PATCH', url, { body: { weight: 2 } })).statusCode, 404);
    const made = await call('PUT', url, { body: { a: ['203.0.113.10'] } });
    assert.equal(made.statusCode, 201, made.body);
    assert.equal(made.headers['location'], url);
    assert.deepEqual(made.json(), { region: 'ap-south', a: ['203.0.113.10'] });
    const again = await call('PUT', url, { body: made.json() });
    assert.equal(again.statusCode, 200);
    const patched = await call('PATCH', url, { body: { state: 'drained', weight: 2 } });
    assert.deepEqual(patched.json(), {
      region: 'ap-south',
      a: ['203.0.113.10'],
      weight: 2,
      state: 'drained',
    });
    assert.deepEqual((await call('GET', url)).json(), patched.json());
    const gone = await call('DELETE', url);
    assert.equal(gone.statusCode, 204);
    assert.ok(gone.headers['x-revision']);
    assert.equal((await call('DELETE', url)).statusCode, 404);
    assert.equal((await call('GET', '/v1/services/none/members/x')).statusCode, 404);
    const other = await call('PUT', url, { body: { region: 'eu-west', a: ['203.0.113.10'] } });
    assert.equal(problemOf(other).code, 'E_CONFLICT');
  });

  test('members that are written at the same moment all stay', async () => {
    const { call } = harness;
    const names = ['r1', 'r2', 'r3', 'r4', 'r5'];
    for (const name of names) {
      await call('PUT', `/v1/regions/${name}`, { body: { place: 'aws:us-east-1' } });
    }
    const answers = await Promise.all(
      names.map((name, at) =>
        call('PUT', `${service}/members/${name}`, { body: { a: [`203.0.113.${at + 50}`] } }),
      ),
    );
    assert.deepEqual(
      answers.map((answer) => answer.statusCode),
      [201, 201, 201, 201, 201],
    );
    const { members } = (await call('GET', service)).json();
    for (const name of names) assert.ok(members[name], name);
  });
});

/** Lets what a timer began come to its end. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
