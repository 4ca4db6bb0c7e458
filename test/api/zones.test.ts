import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { exampleZone, fillExample, type Harness, problemOf, startHarness } from './harness.ts';

const asText = { 'content-type': 'text/dns' };

describe('zones', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  test('GET /v1/zones lists name, serial and size', async () => {
    const { items, next } = (await harness.call('GET', '/v1/zones')).json();
    assert.deepEqual(items, [{ name: 'example.com.', serial: 1, rrsetCount: 5, recordCount: 5 }]);
    assert.equal(next, null);
  });

  test('GET /v1/zones/{zone} speaks JSON and master files by Accept', async () => {
    const json = await harness.call('GET', '/v1/zones/example.com');
    assert.match(String(json.headers['content-type']), /^application\/json/);
    assert.equal(json.headers['vary'], 'accept');
    const { rrsets, ...summary } = json.json();
    assert.deepEqual(summary, { name: 'example.com.', serial: 1, rrsetCount: 5, recordCount: 5 });
    assert.deepEqual(rrsets.at(-1), {
      name: 'www.example.com.',
      type: 'STEER',
      ttl: 30,
      steer: 'web',
    });
    const text = await harness.call('GET', '/v1/zones/Example.COM.', {
      headers: { accept: 'text/dns' },
    });
    assert.match(String(text.headers['content-type']), /^text\/dns/);
    assert.match(text.body, /^www\s+30\s+STEER\s+web$/m);
    assert.equal(text.headers['etag'], json.headers['etag']);
  });

  test('PUT text/dns of what GET text/dns gave changes nothing', async () => {
    const { call, controller } = harness;
    const text = await call('GET', '/v1/zones/example.com', { headers: { accept: 'text/dns' } });
    const { revision } = controller.configuration();
    const put = await call('PUT', '/v1/zones/example.com', { body: text.body, headers: asText });
    assert.equal(put.statusCode, 200);
    assert.equal(put.headers['x-revision'], String(revision));
    assert.equal(controller.configuration().revision, revision);
  });

  test('PUT JSON of what GET JSON gave changes nothing', async () => {
    const { call, controller } = harness;
    const { revision } = controller.configuration();
    const zone = (await call('GET', '/v1/zones/example.com')).json();
    const put = await call('PUT', '/v1/zones/example.com', { body: zone });
    assert.equal(put.statusCode, 200);
    assert.equal(controller.configuration().revision, revision);
  });

  test('PUT JSON replaces the whole zone: what it does not name is gone', async () => {
    const { call } = harness;
    await call('PUT', '/v1/zones/example.net', {
      body: exampleZone.replaceAll('example.com', 'example.net'),
      headers: asText,
    });
    const rrsets = [
      { name: '@', type: 'SOA', ttl: 300, values: ['ns1 hostmaster 1 7200 900 1209600 300'] },
      { name: '@', type: 'NS', ttl: 300, values: ['ns1'] },
      { name: 'ns1', type: 'A', ttl: 300, values: ['192.0.2.53'] },
      { name: 'new', type: 'TXT', ttl: 60, values: ['"a b" c'] },
    ];
    const put = await call('PUT', '/v1/zones/example.net', { body: { rrsets } });
    assert.equal(put.statusCode, 200, put.body);
    assert.deepEqual(put.json(), {
      name: 'example.net.',
      serial: 2,
      rrsetCount: 4,
      recordCount: 4,
    });
    const after = await call('GET', '/v1/zones/example.net/rrsets');
    assert.deepEqual(
      after.json().items.map((rrset: { name: string }) => rrset.name),
      ['example.net.', 'example.net.', 'new.example.net.', 'ns1.example.net.'],
    );
    const deleted = await call('DELETE', '/v1/zones/example.net');
    assert.equal(deleted.statusCode, 204);
    assert.ok(deleted.headers['x-revision']);
    assert.equal((await call('GET', '/v1/zones/example.net')).statusCode, 404);
    const rrset = await call('GET', '/v1/zones/example.net/rrsets/ns1/A');
    assert.equal(rrset.statusCode, 404);
  });

  test('PUT text/dns reports every error with its line and keeps what was', async () => {
    const { call, controller } = harness;
    const { revision } = controller.configuration();
    const response = await call('PUT', '/v1/zones/example.com', {
      body: `${exampleZone}bad A 1.2.3\nworse TTTT x\n`,
      headers: asText,
    });
    assert.equal(response.statusCode, 422);
    const { errors } = problemOf(response);
    assert.deepEqual(
      errors.map(({ code, where }) => [code, where]),
      [
        ['E_RDATA_SYNTAX', 'example.com.:8'],
        ['E_TYPE_UNKNOWN', 'example.com.:9'],
      ],
    );
    assert.equal(controller.configuration().revision, revision);
  });

  test('PUT text/dns may not include files of the server', async () => {
    const response = await harness.call('PUT', '/v1/zones/example.com', {
      body: `${exampleZone}$INCLUDE /etc/passwd\n`,
      headers: asText,
    });
    assert.equal(response.statusCode, 422);
    assert.equal(problemOf(response).code, 'E_ZONE_INCLUDE');
    assert.doesNotMatch(response.body, /root:/);
  });

  test('PUT text/dns takes bodies far over the limit of JSON', async () => {
    const { call } = harness;
    const lines = Array.from(
      { length: 5000 },
      (_, at) => `host-${at} A 192.0.${at >> 8}.${at & 255}`,
    );
    const body = `${exampleZone.replaceAll('example.com', 'big.test')}${lines.join('\n')}\n`;
    const padded = `${body}${`; ${'x'.repeat(200)}\n`.repeat(5000)}`;
    assert.ok(padded.length > limits.bodyBytes);
    const response = await call('PUT', '/v1/zones/big.test', { body: padded, headers: asText });
    assert.equal(response.statusCode, 201, response.body.slice(0, 300));
    assert.equal(response.json().recordCount, 5005);
    const seen = new Set<string>();
    let cursor = '';
    do {
      const page = await call('GET', `/v1/zones/big.test/rrsets?type=A&limit=1000${cursor}`);
      for (const { name } of page.json().items) seen.add(name);
      cursor = page.json().next === null ? '' : `&cursor=${page.json().next}`;
    } while (cursor !== '');
    assert.equal(seen.size, 5002);
    await call('DELETE', '/v1/zones/big.test');
  });

  const wrong: readonly (readonly [string, unknown, Record<string, string>, number, string])[] = [
    ['no body', undefined, {}, 422, 'E_FORM_MISSING'],
    ['no SOA', { rrsets: [] }, {}, 422, 'E_ZONE_SOA'],
    ['another name', { name: 'b.test', rrsets: [] }, {}, 409, 'E_CONFLICT'],
    ['an unknown member', { rrsets: [], zone: 1 }, {}, 422, 'E_FORM_UNKNOWN_KEY'],
    [
      'an RRset twice',
      {
        rrsets: [
          { name: 'a', type: 'A', ttl: 1, values: ['192.0.2.1'] },
          { name: 'A.x.test.', type: 'TYPE1', ttl: 1, values: ['192.0.2.2'] },
        ],
      },
      {},
      422,
      'E_FORM_DUPLICATE',
    ],
    ['octets that are not UTF-8', Buffer.from([0xff, 0xfe]), asText, 422, 'E_ZONE_ENCODING'],
    [
      'a merge patch',
      '{}',
      { 'content-type': 'application/merge-patch+json' },
      415,
      'E_MEDIA_TYPE',
    ],
    ['an empty master file', '', asText, 422, 'E_ZONE_SOA'],
    ['a body of another type', '<zone/>', { 'content-type': 'text/xml' }, 415, 'E_MEDIA_TYPE'],
    [
      'a service that is not there',
      exampleZone.replaceAll('example.com', 'x.test').replace('STEER web', 'STEER wbe'),
      asText,
      422,
      'E_SERVICE_UNKNOWN',
    ],
  ];
  for (const [what, body, headers, status, code] of wrong) {
    test(`PUT /v1/zones/{zone} refuses ${what} with ${code}`, async () => {
      const { api, admin, call } = harness;
      const response =
        body instanceof Buffer
          ? await api.inject({
              method: 'PUT',
              url: '/v1/zones/x.test',
              headers: { ...headers, authorization: `Bearer ${admin}` },
              payload: body,
            })
          : await call('PUT', '/v1/zones/x.test', { body, headers });
      assert.equal(response.statusCode, status, response.body);
      assert.equal(problemOf(response).code, code);
    });
  }
});

describe('rrsets', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness();
    await fillExample(harness);
  });
  after(() => harness.close());

  const base = '/v1/zones/example.com/rrsets';

  test('PUT makes an RRset, PATCH changes its TTL, GET shows it, DELETE removes it', async () => {
    const { call } = harness;
    const body = { ttl: 60, values: ['192.0.2.1', '192.0.2.2'] };
    const made = await call('PUT', `${base}/app/A`, { body });
    assert.equal(made.statusCode, 201, made.body);
    assert.equal(made.headers['location'], '/v1/zones/example.com./rrsets/app.example.com./A');
    assert.deepEqual(made.json(), { name: 'app.example.com.', type: 'A', ...body });
    const patched = await call('PATCH', String(made.headers['location']), { body: { ttl: 5 } });
    assert.equal(patched.statusCode, 200);
    assert.deepEqual(patched.json(), { ...made.json(), ttl: 5 });
    const read = await call('GET', `${base}/APP.example.com./a`);
    assert.deepEqual(read.json(), patched.json());
    assert.equal(read.headers['etag'], patched.headers['etag']);
    const replaced = await call('PUT', `${base}/app/A`, {
      body: { ...(read.json() as object), ttl: 6 },
    });
    assert.equal(replaced.statusCode, 200, 'what GET gave may be PUT');
    assert.equal((await call('DELETE', `${base}/app/A`)).statusCode, 204);
    assert.equal((await call('GET', `${base}/app/A`)).statusCode, 404);
    assert.equal((await call('DELETE', `${base}/app/A`)).statusCode, 404);
    assert.equal((await call('PATCH', `${base}/app/A`, { body: { ttl: 5 } })).statusCode, 404);
  });

  test('PUT of a STEER hands a name to a service, with and without a TTL of its own', async () => {
    const { call } = harness;
    const own = await call('PUT', `${base}/@/STEER`, { body: { ttl: 15, steer: 'web' } });
    assert.deepEqual(own.json(), { name: 'example.com.', type: 'STEER', ttl: 15, steer: 'web' });
    const services = await call('PATCH', `${base}/@/STEER`, { body: { ttl: null } });
    assert.deepEqual(services.json(), { name: 'example.com.', type: 'STEER', steer: 'web' });
    await call('DELETE', `${base}/@/STEER`);
  });

  test('every write moves the serial of its zone by one', async () => {
    const { call } = harness;
    const serial = async () => (await call('GET', '/v1/zones')).json().items[0].serial;
    const was = await serial();
    await call('PUT', `${base}/s/TXT`, { body: { ttl: 1, values: ['x'] } });
    assert.equal(await serial(), was + 1);
    await call('DELETE', `${base}/s/TXT`);
    assert.equal(await serial(), was + 2);
  });

  test('names with slashes and wildcards go into paths escaped (RFC 2317, RFC 4592)', async () => {
    const { call } = harness;
    for (const name of ['0/25', '*.wild', 'a b'.replace(' ', '\\032')]) {
      const url = `${base}/${encodeURIComponent(name)}/TXT`;
      const made = await call('PUT', url, { body: { ttl: 1, values: ['x'] } });
      assert.equal(made.statusCode, 201, made.body);
      assert.equal(made.json().name, `${name}.example.com.`);
      const there = await call('GET', String(made.headers['location']));
      assert.deepEqual(there.json(), made.json());
      assert.equal((await call('DELETE', url)).statusCode, 204);
    }
  });

  test('GET list narrows by name and by type', async () => {
    const { call } = harness;
    const pairs = async (query: string) =>
      (await call('GET', `${base}?${query}`))
        .json()
        .items.map(({ name, type }: { name: string; type: string }) => `${name} ${type}`);
    assert.deepEqual(await pairs('name=@'), ['example.com. NS', 'example.com. SOA']);
    assert.deepEqual(await pairs('name=MAIL'), ['mail.example.com. A']);
    assert.deepEqual(await pairs('type=a'), ['mail.example.com. A', 'ns1.example.com. A']);
    assert.deepEqual(await pairs('name=ns1&type=STEER'), []);
  });

  const wrong: readonly (readonly [string, string, unknown, number, string])[] = [
    ['an address that is none', 'x/A', { ttl: 1, values: ['1.2.3'] }, 422, 'E_RDATA_SYNTAX'],
    [
      'a TTL of more than a week',
      'x/A',
      { ttl: 604_801, values: ['192.0.2.1'] },
      422,
      'E_ZONE_TTL_RANGE',
    ],
    ['no TTL', 'x/A', { values: ['192.0.2.1'] }, 422, 'E_ZONE_TTL'],
    ['no values', 'x/A', { ttl: 1, values: [] }, 422, 'E_ZONE_VALUE'],
    ['a misspelt member', 'x/A', { ttl: 1, value: ['192.0.2.1'] }, 422, 'E_ZONE_VALUE'],
    ['an array', 'x/A', ['192.0.2.1'], 422, 'E_FORM_TYPE'],
    [
      'a CNAME beside others',
      'mail/CNAME',
      { ttl: 1, values: ['www'] },
      422,
      'E_ZONE_CNAME_CONFLICT',
    ],
    [
      'addresses beside a STEER',
      'www/A',
      { ttl: 1, values: ['192.0.2.1'] },
      422,
      'E_ZONE_STEER_CONFLICT',
    ],
    ['a service that is not there', 'x/STEER', { steer: 'wbe' }, 422, 'E_SERVICE_UNKNOWN'],
    ['a type that is none', 'x/AAA', { ttl: 1, values: ['x'] }, 400, 'E_QUERY'],
    ['a type of queries', 'x/ANY', { ttl: 1, values: ['x'] }, 422, 'E_ZONE_TYPE'],
    ['a name outside the zone', 'x.test./A', { ttl: 1, values: ['192.0.2.1'] }, 400, 'E_QUERY'],
    ['a label of 64', `${'x'.repeat(64)}/A`, { ttl: 1, values: ['192.0.2.1'] }, 400, 'E_QUERY'],
  ];
  for (const [what, path, body, status, code] of wrong) {
    test(`PUT refuses ${what} with ${code}`, async () => {
      const { call, controller } = harness;
      const { revision } = controller.configuration();
      const response = await call('PUT', `${base}/${path}`, { body });
      assert.equal(response.statusCode, status, response.body);
      const codes = problemOf(response).errors.map((problem) => problem.code);
      assert.ok(codes.includes(code as never), response.body);
      assert.equal(controller.configuration().revision, revision);
    });
  }

  test('a write to a zone that is not there is 404', async () => {
    const body = { ttl: 1, values: ['192.0.2.1'] };
    const response = await harness.call('PUT', '/v1/zones/none.test/rrsets/x/A', { body });
    assert.equal(response.statusCode, 404);
    assert.match(problemOf(response).detail, /none\.test\./);
  });

  test('removing the SOA is refused: the zone would be none', async () => {
    const response = await harness.call('DELETE', `${base}/@/SOA`);
    assert.equal(response.statusCode, 422);
    assert.equal(problemOf(response).code, 'E_ZONE_SOA');
  });
});
