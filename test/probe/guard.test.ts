import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGuard } from '../../src/probe/guard.ts';

const strict = createGuard(false);
const lenient = createGuard(true);

const never = [
  '169.254.169.254',
  '::ffff:169.254.169.254',
  '64:ff9b::a9fe:a9fe',
  '64:ff9b:1::a9fe:a9fe',
  '2002:a9fe:a9fe::1',
  '::169.254.169.254',
  'fd00:ec2::254',
  '100.100.100.200',
  '168.63.129.16',
  '169.254.1.1',
  'fe80::1',
  'febf::1',
  '2001:db8::5efe:a9fe:a9fe',
  '224.0.0.1',
  'ff02::1',
  '0.0.0.0',
  '0.1.2.3',
  '::',
  '255.255.255.255',
  '240.0.0.1',
];

const unlessAllowed = [
  '127.0.0.1',
  '127.255.255.255',
  '::1',
  '::ffff:127.0.0.1',
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '100.127.255.255',
  'fc00::1',
  'fdff::1',
  'fec0::1',
  '::ffff:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '2002:0a00:0001::1',
  '64:ff9b:1::c000:201',
  '2001:0:c000:201:0:0:f5ff:fffe', // Teredo, client 10.0.0.1
  '198.18.0.1',
  '192.0.0.8',
];

const always = [
  '192.0.2.1',
  '8.8.8.8',
  '172.15.255.255',
  '172.32.0.1',
  '100.63.255.255',
  '100.128.0.1',
  '2001:db8::1',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
  '64:ff9b::8.8.8.8',
  '2002:0808:0808::1',
];

for (const address of never) {
  test(`createGuard() refuses ${address} whatever is allowed`, () => {
    assert.match(strict.refusal(address) ?? '', /which probes do not connect to$/);
    assert.match(lenient.refusal(address) ?? '', /which probes do not connect to$/);
  });
}

for (const address of unlessAllowed) {
  test(`createGuard() refuses ${address} unless private targets are allowed`, () => {
    assert.match(strict.refusal(address) ?? '', /--allow-private-targets/);
    assert.equal(lenient.refusal(address), undefined);
  });
}

for (const address of always) {
  test(`createGuard() lets ${address} pass`, () => {
    assert.equal(strict.refusal(address), undefined);
    assert.equal(lenient.refusal(address), undefined);
  });
}

test('createGuard() refuses what is no address', () => {
  assert.match(lenient.refusal('localhost') ?? '', /no address|not an address/);
  assert.match(lenient.refusal('fe80::1%eth0') ?? '', /not an address/);
  assert.match(lenient.refusal('2130706433') ?? '', /not an address/);
});
