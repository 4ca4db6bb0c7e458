import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from '../../src/wire/message.ts';
import { rdataCodec } from '../../src/wire/rdata/registry.ts';
import { typeName } from '../../src/wire/type-names.ts';
import { askUdp } from './support/ask.ts';
import {
  canBindPort53,
  missing,
  startMeridian,
  temporaryFolder,
  writeFiles,
} from './support/processes.ts';
import { startNsd, startUnbound } from './support/real-servers.ts';

// Delegations always lead to port 53, so that each server has a loopback address of its own.
const parentAddress = '127.53.0.1';
const meridianAddress = '127.53.0.2';
const resolver = { address: '127.53.0.3', port: 5353, recurse: true, udpPayloadBytes: 1232 };

const rootZone = `
$ORIGIN .
$TTL 3600
@ SOA a.root.test. hostmaster.root.test. 1 7200 900 1209600 60
@ NS a.root.test.
a.root.test. A ${parentAddress}
geo.test. NS ns1.geo.test.
geo.test. NS ns2.geo.test.
ns1.geo.test. A ${meridianAddress}
ns2.geo.test. A ${meridianAddress}
other.test. TXT "the parent's own"
`;

const bigTexts = Array.from({ length: 12 }, (_, index) => `big TXT "${index} ${'x'.repeat(200)}"`);
const geoZone = `
$TTL 60
@ SOA ns1 hostmaster 7 7200 900 1209600 60
@ NS ns1
@ NS ns2
ns1 A ${meridianAddress}
ns2 A ${meridianAddress}
@ STEER web
www 20 STEER web
alias CNAME www
*.apps A 192.0.2.77
a.deep.name A 192.0.2.78
${bigTexts.join('\n')}
child NS ns.child
ns.child A ${parentAddress}
`;

const childZone = `
$ORIGIN child.geo.test.
$TTL 60
@ SOA ns hostmaster 1 7200 900 1209600 60
@ NS ns
ns A ${parentAddress}
www A 192.0.2.99
`;

const traffic = `
regions:
  east: { place: aws:us-east-1 }
  west: { place: aws:eu-west-1 }
services:
  web:
    ttl: 30
    members:
      east: { a: [192.0.2.10], aaaa: ["2001:db8:1::10"] }
      west: { a: [198.51.100.10], aaaa: ["2001:db8:2::10"] }
    policy: { failover: [west, east] }
`;

const needs =
  missing('nsd', 'unbound') || ((await canBindPort53(meridianAddress)) ? false : 'needs port 53');

/** `type rdata` of every answer, sorted. */
function answersOf(message: Message | undefined): string[] {
  return (message?.answers ?? [])
    .map(({ type, rdata }) => `${typeName(type)} ${rdataCodec(type).format(rdata)}`)
    .sort();
}

test('unbound resolves a zone that NSD delegates to this server', { skip: needs }, async (t) => {
  const folder = temporaryFolder(t);
  writeFiles(folder, { 'zones/geo.test.zone': geoZone, 'zones/traffic.yaml': traffic });
  await startMeridian(t, {
    zones: `${folder}/zones`,
    data: `${folder}/data`,
    dns: `${meridianAddress}:53`,
  });
  const nsdFolder = temporaryFolder(t);
  await startNsd(t, nsdFolder, parentAddress, 53, { '.': rootZone, 'child.geo.test': childZone });
  await startUnbound(t, temporaryFolder(t), resolver.address, resolver.port, parentAddress);
  const resolve = async (name: string, type: string) => {
    const message = await askUdp({ ...resolver, name, type, timeoutMs: 5000 });
    assert.ok(message, `${name} ${type}: no answer`);
    return message;
  };

  await t.test('positive answers, steered and static', async () => {
    assert.deepEqual(answersOf(await resolve('www.geo.test', 'A')), ['A 198.51.100.10']);
    assert.deepEqual(answersOf(await resolve('www.geo.test', 'AAAA')), ['AAAA 2001:db8:2::10']);
    assert.deepEqual(answersOf(await resolve('geo.test', 'A')), ['A 198.51.100.10']);
    assert.deepEqual(answersOf(await resolve('alias.geo.test', 'A')), [
      'A 198.51.100.10',
      'CNAME www.geo.test.',
    ]);
  });

  await t.test('negative answers carry the SOA', async () => {
    const absent = await resolve('nothing.geo.test', 'A');
    assert.equal(absent.rcode, 3);
    assert.equal(absent.authorities[0]?.type, 6);
    assert.equal(absent.authorities[0]?.ttl, 60);
    const noData = await resolve('www.geo.test', 'MX');
    assert.equal(noData.rcode, 0);
    assert.deepEqual(answersOf(noData), []);
    const emptyNonTerminal = await resolve('deep.name.geo.test', 'A');
    assert.equal(emptyNonTerminal.rcode, 0);
  });

  await t.test('wildcards', async () => {
    assert.deepEqual(answersOf(await resolve('any.thing.apps.geo.test', 'A')), ['A 192.0.2.77']);
  });

  await t.test('a delegation further down', async () => {
    assert.deepEqual(answersOf(await resolve('www.child.geo.test', 'A')), ['A 192.0.2.99']);
  });

  await t.test('an answer too long for UDP, over TCP', async () => {
    const ask = { ...resolver, name: 'big.geo.test', type: 'TXT', udpPayloadBytes: 4096 };
    const whole = await askUdp({ ...ask, timeoutMs: 5000 });
    assert.equal(whole?.answers.length, bigTexts.length);
    const direct = await askUdp({
      ...ask,
      address: meridianAddress,
      port: 53,
      udpPayloadBytes: 1232,
    });
    assert.equal(direct?.flags.tc, true);
    assert.equal(direct?.answers.length, 0);
  });
});
