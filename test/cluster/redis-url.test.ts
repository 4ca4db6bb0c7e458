import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../src/base/errors.ts';
import { parseBusUrls } from '../../src/cluster/redis-url.ts';

test('parseBusUrls() reads every form', () => {
  const single = parseBusUrls(['redis://cache.example']);
  assert.deepEqual(single, {
    kind: 'single',
    tls: false,
    hosts: [{ host: 'cache.example', port: 6379 }],
    masterName: '',
    username: undefined,
    password: undefined,
    database: 0,
  });
  const secure = parseBusUrls(['rediss://me:p%40ss%3Aword@[2001:db8::1]:7000/3']);
  assert.deepEqual(
    [secure.tls, secure.hosts, secure.username, secure.password, secure.database],
    [true, [{ host: '2001:db8::1', port: 7000 }], 'me', 'p@ss:word', 3],
  );
  const sentinel = parseBusUrls(['sentinel://:pw@a,b:5000/main', 'sentinel://c/main']);
  assert.deepEqual(
    [sentinel.kind, sentinel.masterName, sentinel.username, sentinel.password],
    ['sentinel', 'main', undefined, 'pw'],
  );
  assert.deepEqual(
    sentinel.hosts.map(({ host, port }) => `${host}:${port}`),
    ['a:26379', 'b:5000', 'c:26379'],
  );
  assert.equal(parseBusUrls(['clusters://a:1,b:2']).tls, true);
  assert.equal(parseBusUrls(['cluster://a:1', 'cluster://b:2']).hosts.length, 2);
});

test('parseBusUrls() takes name and password from elsewhere, where the address has none', () => {
  const given = { username: 'env', password: 'secret' };
  assert.equal(parseBusUrls(['redis://a'], given).username, 'env');
  assert.equal(parseBusUrls(['redis://own:x@a'], given).username, 'own');
  assert.equal(parseBusUrls(['redis://own:x@a'], given).password, 'x');
});

test('parseBusUrls() refuses what it cannot use, and never shows a password', () => {
  for (const urls of [
    [],
    ['http://a'],
    ['redis://'],
    ['redis://a,b'],
    ['redis://a', 'redis://b'],
    ['redis://a', 'cluster://b'],
    ['redis://u:hidden@a:99999'],
    ['redis://u:hidden@a/zero'],
    ['redis://u:hidden%zz@a'],
    ['redis://u:hidden/more@a:1'],
    ['redis://u:hidden@more@a:1'],
    ['sentinel://u:hidden@a:1'],
    ['cluster://u:hidden@a/4'],
    ['sentinel://a/one', 'sentinel://b/two'],
  ]) {
    assert.throws(
      () => parseBusUrls(urls),
      (error) => {
        assert.ok(error instanceof MeridianError);
        assert.equal(error.code, 'E_BUS_URL');
        assert.match(error.message, /; write redis:/);
        assert.doesNotMatch(error.message, /hidden/);
        return true;
      },
      urls.join(' '),
    );
  }
});

test('parseBusUrls() says what is to be encoded in a password', () => {
  for (const url of ['redis://u:a/b@h', 'redis://u:a@b@h']) {
    assert.throws(() => parseBusUrls([url]), /percent-encode @, \/ and % in a name or password/);
  }
});
