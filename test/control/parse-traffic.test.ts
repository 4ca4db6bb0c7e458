import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMonitor } from '../../src/control/parse-monitor.ts';
import { parseNetwork } from '../../src/control/parse-network.ts';
import { formatPolicy, parsePolicy } from '../../src/control/parse-policy.ts';
import { formatRegion, parseRegion } from '../../src/control/parse-region.ts';
import { parseService } from '../../src/control/parse-service.ts';
import { assertRemedies, reading } from './fixtures.ts';

const berlin = { latitude: 52.5, longitude: 13.4 };

test('parseRegion() fills in what is default', () => {
  const { result } = reading((findings) => parseRegion(berlin, '', findings));
  assert.deepEqual(result, { coordinates: berlin, dial: 100, state: 'active' });
});

test('parseRegion() takes coordinates from a named place and keeps the name', () => {
  const { result } = reading((findings) => parseRegion({ place: 'aws:eu-west-1' }, '', findings));
  assert.equal(result?.place, 'aws:eu-west-1');
  // Dublin.
  assert.ok(Math.abs((result?.coordinates.latitude ?? 0) - 53.3) < 1.5);
  assert.ok(Math.abs((result?.coordinates.longitude ?? 0) + 6.3) < 3);
  assert.deepEqual(result && formatRegion(result), { place: 'aws:eu-west-1' });
});

test('parseRegion() reports everything that is wrong at once', () => {
  for (const [form, expected] of [
    [{}, ['/r E_FORM_MISSING']],
    [null, ['/r E_FORM_TYPE']],
    [[], ['/r E_FORM_TYPE']],
    [{ place: 'aws:eu-wst-1' }, ['/r/place E_PLACE_UNKNOWN']],
    [{ place: 'aws:eu-west-1', latitude: 1 }, ['/r E_CONFLICT']],
    [{ latitude: 91, longitude: 181 }, ['/r/latitude E_FORM_RANGE', '/r/longitude E_FORM_RANGE']],
    [{ latitude: 1 }, ['/r E_FORM_MISSING']],
    [{ ...berlin, dial: 101 }, ['/r/dial E_FORM_RANGE']],
    [{ ...berlin, dial: '50' }, ['/r/dial E_FORM_TYPE']],
    [{ ...berlin, state: 'of' }, ['/r/state E_FORM_VALUE']],
    [{ ...berlin, dail: 1 }, ['/r/dail E_FORM_UNKNOWN_KEY']],
    [{ ...berlin, expiry: {} }, ['/r/expiry E_FORM_MISSING']],
    [{ ...berlin, expiry: { at: 'soon' } }, ['/r/expiry/at E_FORM_VALUE']],
    [{ ...berlin, expiry: { at: '2026-13-01T00:00:00Z' } }, ['/r/expiry/at E_FORM_VALUE']],
    [
      { dial: -1, state: 1, x: 1 },
      [
        '/r/x E_FORM_UNKNOWN_KEY',
        '/r E_FORM_MISSING',
        '/r/dial E_FORM_RANGE',
        '/r/state E_FORM_VALUE',
      ],
    ],
  ] as const) {
    const { result, codes, problems } = reading((findings) => parseRegion(form, '/r', findings));
    assert.equal(result, undefined, JSON.stringify(form));
    assert.deepEqual(codes, expected, JSON.stringify(form));
    assertRemedies(problems);
  }
});

test('parseRegion() suggests the key and the place that were meant', () => {
  const message = (form: object) =>
    reading((findings) => parseRegion(form, '', findings)).problems[0]?.message ?? '';
  assert.match(message({ ...berlin, dail: 1 }), /did you mean "dial"\?/);
  assert.match(message({ place: 'aws:eu-wst-1' }), /did you mean .*"aws:eu-west-1"/);
});

test('parseRegion() writes an expiry in UTC with what it goes back to', () => {
  const form = { ...berlin, state: 'down', expiry: { at: '2026-05-01T12:00:00+02:00' } };
  const { result } = reading((findings) => parseRegion(form, '', findings));
  assert.deepEqual(result?.expiry, {
    at: '2026-05-01T10:00:00.000Z',
    dial: 100,
    state: 'active',
  });
});

test('parseMonitor() fills in what is default', () => {
  const { result } = reading((findings) => parseMonitor({ type: 'https' }, '', findings));
  assert.deepEqual(result, {
    type: 'https',
    intervalMs: 10_000,
    timeoutMs: 4000,
    fall: 3,
    rise: 2,
    quorum: 'majority',
    port: undefined,
    http: { method: 'GET', path: '/', headers: {}, statuses: [[200, 299]], redirects: 0 },
    tls: { verify: true, minDaysLeft: 7 },
  });
});

test('parseMonitor() halves a short interval for the timeout', () => {
  const form = { type: 'tcp', port: 1, interval: '2s' };
  const { result } = reading((findings) => parseMonitor(form, '', findings));
  assert.equal(result?.timeoutMs, 1000);
});

test('parseMonitor() reports what is wrong', () => {
  const http = { type: 'http' };
  for (const [form, ...expected] of [
    [{}, '/m E_FORM_MISSING'],
    [{ type: 'htp' }, '/m/type E_FORM_VALUE'],
    [{ type: 'tcp' }, '/m E_FORM_MISSING'],
    [{ type: 'tcp', port: 0 }, '/m/port E_FORM_RANGE'],
    [{ type: 'tcp', port: 80, path: '/' }, '/m/path E_FORM_UNKNOWN_KEY'],
    [{ ...http, interval: '10' }, '/m/interval E_FORM_VALUE'],
    [{ ...http, interval: 10 }, '/m/interval E_FORM_TYPE'],
    [{ ...http, interval: '1ms' }, '/m/interval E_FORM_RANGE'],
    [{ ...http, interval: '2s', timeout: '2s' }, '/m/timeout E_FORM_RANGE'],
    [{ ...http, fall: 1.5 }, '/m/fall E_FORM_RANGE'],
    [{ ...http, rise: 0 }, '/m/rise E_FORM_RANGE'],
    [{ ...http, quorum: 'most' }, '/m/quorum E_FORM_VALUE'],
    [{ ...http, quorum: 0 }, '/m/quorum E_FORM_RANGE'],
    [{ ...http, path: 'health' }, '/m/path E_FORM_VALUE'],
    [{ ...http, path: '/a b' }, '/m/path E_FORM_VALUE'],
    [{ ...http, statuses: '299-200' }, '/m/statuses E_FORM_VALUE'],
    [
      { ...http, statuses: [200, 'ok', 600] },
      '/m/statuses/1 E_FORM_VALUE',
      '/m/statuses/2 E_FORM_VALUE',
    ],
    [{ ...http, bodyMatches: '(' }, '/m/bodyMatches E_FORM_VALUE'],
    [{ ...http, method: 'HEAD', bodyIncludes: 'ok' }, '/m/method E_CONFLICT'],
    [{ ...http, headers: { 'x y': 'z' } }, '/m/headers/x y E_FORM_VALUE'],
    [{ ...http, headers: { x: 'a\r\nb' } }, '/m/headers/x E_FORM_VALUE'],
    [{ ...http, verify: false }, '/m/verify E_FORM_UNKNOWN_KEY'],
    [{ type: 'tls', ca: 'nonsense' }, '/m/ca E_FORM_VALUE'],
    [{ type: 'dns' }, '/m E_FORM_MISSING'],
    [{ type: 'exec', command: 'ls' }, '/m/command E_FORM_TYPE'],
    [{ type: 'exec', command: [] }, '/m/command E_FORM_RANGE'],
  ] as const) {
    const { result, codes } = reading((findings) => parseMonitor(form, '/m', findings));
    assert.equal(result, undefined, JSON.stringify(form));
    assert.deepEqual(codes, expected, JSON.stringify(form));
  }
});

test('parseNetwork() canonicalises the prefix and refuses bits beyond it', () => {
  const good = reading((findings) =>
    parseNetwork('2001:DB8:0::/48', { country: 'de' }, '', findings),
  );
  assert.deepEqual(good.result, { cidr: '2001:db8::/48', country: 'DE' });
  for (const [cidr, form, ...expected] of [
    ['192.0.2.1/24', { country: 'DE' }, '/n E_FORM_VALUE'],
    ['192.0.2.0/33', { country: 'DE' }, '/n E_FORM_VALUE'],
    ['nonsense', { country: 'DE' }, '/n E_FORM_VALUE'],
    ['192.0.2.0/24', {}, '/n E_FORM_MISSING'],
    ['192.0.2.0/24', { country: 'UK' }, '/n/country E_FORM_VALUE'],
    ['192.0.2.0/24', { country: 'ZZ' }, '/n/country E_FORM_VALUE'],
    ['192.0.2.0/24', { continent: 'XX' }, '/n/continent E_FORM_VALUE'],
    ['192.0.2.0/24', { subdivision: 'CA' }, '/n/subdivision E_FORM_VALUE'],
    ['192.0.2.0/24', { subdivision: 'US-CA', country: 'CA' }, '/n/subdivision E_CONFLICT'],
    ['192.0.2.0/24', { asn: 0 }, '/n/asn E_FORM_RANGE'],
  ] as const) {
    const { codes, problems } = reading((findings) => parseNetwork(cidr, form, '/n', findings));
    assert.deepEqual(codes, expected, `${cidr} ${JSON.stringify(form)}`);
    assertRemedies(problems);
  }
});

const web = (more: object) => ({
  members: { eu: { a: ['192.0.2.1'] }, us: { a: ['192.0.2.2'] }, asia: { a: ['192.0.2.3'] } },
  ...more,
});
const serviceCodes = (form: unknown) => reading((findings) => parseService(form, '/s', findings));

test('parseService() without a policy rotates all members', () => {
  const { result } = serviceCodes(web({}));
  assert.equal(result?.policy.kind, 'roundRobin');
  assert.deepEqual(result.ttl, { min: 30, max: 30 });
  assert.equal(result.minHealthy, 0.5);
  assert.equal(result.whenAllDown, 'all');
  assert.equal(result.rampSeconds, 180);
  assert.deepEqual(result.policy.kind === 'roundRobin' && result.policy.children.length, 3);
});

test('parseService() reports what is wrong with members and settings', () => {
  const eu = (member: object) => ({ members: { eu: member } });
  for (const [form, ...expected] of [
    [{}, '/s E_FORM_MISSING'],
    [{ members: {} }, '/s/members E_FORM_RANGE'],
    [{ members: [] }, '/s/members E_FORM_TYPE'],
    [eu({}), '/s/members/eu E_FORM_MISSING'],
    [eu({ a: [] }), '/s/members/eu E_FORM_MISSING'],
    [eu({ a: '192.0.2.1' }), '/s/members/eu/a E_FORM_TYPE'],
    [eu({ a: ['192.0.2.300'] }), '/s/members/eu/a/0 E_VIP_INVALID'],
    [eu({ a: ['2001:db8::1'] }), '/s/members/eu/a/0 E_VIP_INVALID'],
    [eu({ aaaa: ['192.0.2.1'] }), '/s/members/eu/aaaa/0 E_VIP_INVALID'],
    [eu({ a: ['0.0.0.0'] }), '/s/members/eu/a/0 E_VIP_INVALID'],
    [eu({ a: ['224.0.0.1'] }), '/s/members/eu/a/0 E_VIP_INVALID'],
    [eu({ aaaa: ['::'] }), '/s/members/eu/aaaa/0 E_VIP_INVALID'],
    [eu({ aaaa: ['fe80::1'] }), '/s/members/eu/aaaa/0 E_VIP_INVALID'],
    [eu({ aaaa: ['ff02::1'] }), '/s/members/eu/aaaa/0 E_VIP_INVALID'],
    [eu({ aaaa: ['::ffff:192.0.2.1'] }), '/s/members/eu/aaaa/0 E_VIP_INVALID'],
    [eu({ a: ['192.0.2.1', '192.0.2.1'] }), '/s/members/eu/a/1 E_FORM_DUPLICATE'],
    [
      { members: { eu: { aaaa: ['2001:db8::1'] }, us: { aaaa: ['2001:DB8:0::1'] } } },
      '/s/members/us/aaaa/0 E_FORM_DUPLICATE',
    ],
    [eu({ a: ['192.0.2.1'], weight: 65_536 }), '/s/members/eu/weight E_FORM_RANGE'],
    [eu({ a: ['192.0.2.1'], weight: 0.5 }), '/s/members/eu/weight E_FORM_RANGE'],
    [eu({ a: ['192.0.2.1'], capacity: 0 }), '/s/members/eu/capacity E_FORM_RANGE'],
    [{ members: { 'Eu West': { a: ['192.0.2.1'] } } }, '/s/members/Eu West E_NAME_INVALID'],
    [{ members: { all: { a: ['192.0.2.1'] } } }, '/s/members/all E_NAME_INVALID'],
    [web({ ttl: -1 }), '/s/ttl E_FORM_RANGE'],
    [web({ ttl: 604_801 }), '/s/ttl E_FORM_RANGE'],
    [web({ ttl: { min: 60, max: 5 } }), '/s/ttl E_FORM_RANGE'],
    [web({ ttl: { min: 60 } }), '/s/ttl E_FORM_MISSING'],
    [web({ minHealthy: 1.1 }), '/s/minHealthy E_FORM_RANGE'],
    [web({ whenAllDown: 'us-wst' }), '/s/whenAllDown E_MEMBER_UNKNOWN'],
    [web({ ramp: '1500ms' }), '/s/ramp E_FORM_RANGE'],
    [web({ spill: 'yes' }), '/s/spill E_FORM_TYPE'],
    [web({ monitors: ['a', 'a'] }), '/s/monitors/1 E_FORM_DUPLICATE'],
    [web({ polcy: 'all' }), '/s/polcy E_FORM_UNKNOWN_KEY'],
  ] as const) {
    const { result, codes, problems } = serviceCodes(form);
    assert.deepEqual(codes, expected, JSON.stringify(form));
    assert.equal(result, undefined);
    assertRemedies(problems);
  }
});

test('parsePolicy() takes every kind and its sugar', () => {
  const members = ['eu', 'us', 'asia'];
  for (const form of [
    'eu',
    { roundRobin: 'all' },
    { roundRobin: ['eu', 'us'], answers: 2, minHealthy: 0.3 },
    { weighted: 'all' },
    { weighted: { eu: 3, us: 0 } },
    { weighted: ['eu', { use: { failover: ['us', 'asia'] }, weight: 4 }] },
    {
      geo: [{ match: { cidr: ['192.0.2.0/24'], country: ['IN', 'LK'] }, use: 'asia' }],
      else: 'eu',
    },
    { nearest: 'all' },
    { nearest: ['eu', 'us'], answers: 2, biasKm: { eu: -500 } },
    { latency: 'all' },
    { latency: ['eu', 'us'], tolerance: '20ms', toleranceRatio: 0.2 },
    { failover: ['eu', { latency: ['us', 'asia'] }] },
    { sticky: { eu: 1, asia: 2 } },
    { leastLoad: 'all', minHealthy: 0 },
  ]) {
    const { result, codes } = reading((findings) => parsePolicy(form, '', { members, findings }));
    assert.deepEqual(codes, [], JSON.stringify(form));
    assert.ok(result !== undefined);
    assert.deepEqual(formatPolicy(result), form);
  }
});

test('parsePolicy() spells out all in file order and remembers that it was all', () => {
  const { result } = reading((findings) =>
    parsePolicy({ failover: 'all' }, '', { members: ['b', 'a'], findings }),
  );
  assert.deepEqual(result, {
    kind: 'failover',
    all: true,
    children: [
      { kind: 'member', member: 'b' },
      { kind: 'member', member: 'a' },
    ],
  });
});

test('parseService() reports what is wrong with a policy', () => {
  let deep: unknown = 'eu';
  for (let depth = 0; depth < 9; depth++) deep = { failover: [deep, 'us'] };
  const country = (code: string, use: unknown = 'eu') => ({ match: { country: [code] }, use });
  for (const [policy, ...expected] of [
    ['mars', ' E_MEMBER_UNKNOWN'],
    [['eu', 'us'], ' E_POLICY_SHAPE'],
    [7, ' E_POLICY_SHAPE'],
    [{}, ' E_POLICY_SHAPE'],
    [{ roundrobin: 'all' }, ' E_POLICY_SHAPE'],
    [{ latency: 'all', failover: ['eu'] }, ' E_POLICY_SHAPE'],
    [{ latency: 'all', answers: 2 }, '/answers E_FORM_UNKNOWN_KEY'],
    [{ roundRobin: [] }, '/roundRobin E_FORM_RANGE'],
    [{ roundRobin: 'all', answers: 9 }, '/answers E_FORM_RANGE'],
    [{ roundRobin: 'al' }, '/roundRobin E_FORM_TYPE'],
    [{ failover: ['eu', 'mars'] }, '/failover/1 E_MEMBER_UNKNOWN'],
    [{ failover: ['eu', 'us', 'eu'] }, '/failover/2 E_POLICY_UNREACHABLE'],
    [{ latency: ['eu', 'eu'] }, '/latency/1 E_FORM_DUPLICATE'],
    [{ weighted: {} }, '/weighted E_FORM_RANGE'],
    [{ weighted: { eu: -1 } }, '/weighted/eu E_FORM_RANGE'],
    [{ weighted: { mars: 1 } }, '/weighted/mars E_MEMBER_UNKNOWN'],
    [{ weighted: [{ weight: 2 }] }, '/weighted/0 E_FORM_MISSING'],
    [{ nearest: 'all', biasKm: { mars: 1 } }, '/biasKm/mars E_MEMBER_UNKNOWN'],
    [{ nearest: 'all', biasKm: { eu: 99_999 } }, '/biasKm/eu E_FORM_RANGE'],
    [{ latency: 'all', tolerance: 10 }, '/tolerance E_FORM_TYPE'],
    [{ geo: [], else: 'eu' }, '/geo E_FORM_RANGE'],
    [{ geo: [{ use: 'eu' }], else: 'eu' }, '/geo/0 E_FORM_MISSING'],
    [{ geo: [{ match: {}, use: 'eu' }], else: 'eu' }, '/geo/0/match E_POLICY_UNREACHABLE'],
    [
      { geo: [{ match: { country: [] }, use: 'eu' }], else: 'eu' },
      '/geo/0/match/country E_FORM_RANGE',
    ],
    [
      { geo: [{ match: { city: ['x'] }, use: 'eu' }], else: 'eu' },
      '/geo/0/match/city E_FORM_UNKNOWN_KEY',
      '/geo/0/match E_POLICY_UNREACHABLE',
    ],
    [
      { geo: [country('DE'), country('FR'), country('de', 'us')], else: 'eu' },
      '/geo/2/match/country/0 E_POLICY_UNREACHABLE',
    ],
    [
      { geo: [{ match: { cidr: ['10.0.0.1/8'] }, use: 'eu' }], else: 'eu' },
      '/geo/0/match/cidr/0 E_FORM_VALUE',
    ],
    [deep, `${'/failover/0'.repeat(8)} E_POLICY_DEPTH`],
    [{ failover: ['eu'], minHealthy: 2 }, '/minHealthy E_FORM_RANGE'],
  ] as const) {
    const { problems } = serviceCodes(web({ policy }));
    const errors = problems.filter(({ severity }) => severity !== 'warning');
    assert.deepEqual(
      errors.map(({ code, where }) => `${where} ${code}`),
      expected.map((suffix) => `/s/policy${suffix}`),
      JSON.stringify(policy),
    );
    assertRemedies(errors);
  }
});

test('parseService() only warns of members and clients that are left out', () => {
  const policy = { geo: [{ match: { country: ['DE'] }, use: 'eu' }] };
  const { result, problems } = serviceCodes(web({ policy }));
  assert.ok(result !== undefined);
  assert.deepEqual(
    problems.map(({ where, severity }) => [where, severity]),
    [
      ['/s/policy', 'warning'],
      ['/s/members/us', 'warning'],
      ['/s/members/asia', 'warning'],
    ],
  );
});

test('parseService() warns of what only dials can reach, and not where all clients match', () => {
  const failover = { failover: [{ roundRobin: ['eu', 'us'], minHealthy: 0 }, 'us', 'asia'] };
  const everybody = { match: { cidr: ['0.0.0.0/0', '::/0'] }, use: { latency: 'all' } };
  for (const [policy, ...expected] of [
    [failover, '/s/policy/failover/1'],
    [{ geo: [everybody, { match: { country: ['DE'] }, use: 'eu' }] }],
  ] as const) {
    const { result, problems } = serviceCodes(web({ policy }));
    assert.ok(result !== undefined);
    assert.deepEqual(
      problems.map(({ where }) => where),
      expected,
    );
  }
});

test('parseService() takes a member as the last resort', () => {
  const { result } = serviceCodes(web({ whenAllDown: 'us' }));
  assert.deepEqual(result?.whenAllDown, { member: 'us' });
});
