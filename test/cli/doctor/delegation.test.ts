import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AskDns, DnsAnswer, DnsRecord } from '../../../src/cli/doctor/ask-dns.ts';
import { askDns } from '../../../src/cli/doctor/ask-dns.ts';
import { checkDelegation } from '../../../src/cli/doctor/delegation.ts';
import type { Finding } from '../../../src/cli/doctor/finding.ts';
import { freePort, missing } from '../../e2e/support/processes.ts';
import { startNsd } from '../../e2e/support/real-servers.ts';
import { folderOf } from '../harness.ts';

const resolver = { host: '192.0.2.1', port: 53 };
const domain = 'example.test.';

const record = (name: string, type: DnsRecord['type'], data: string): DnsRecord => ({
  name,
  type,
  data,
});
const answer = (more: Partial<DnsAnswer>): DnsAnswer => ({
  rcode: 0,
  authoritative: true,
  answers: [],
  authorities: [],
  additionals: [],
  ...more,
});
const nameServers = ['ns1.example.test.', 'ns2.example.test.'];
const ns = nameServers.map((name) => record(domain, 'NS', name));

/** `host TYPE name` → answer; what is not there times out. `host TYPE name tcp` comes first for TCP. */
type Network = Record<string, DnsAnswer>;

const healthy: Network = {
  '192.0.2.1 NS example.test.': answer({
    authoritative: false,
    authorities: ns,
    additionals: [
      record('ns1.example.test.', 'A', '198.51.100.1'),
      record('ns2.example.test.', 'A', '198.51.100.2'),
    ],
  }),
};
for (const host of ['198.51.100.1', '198.51.100.2']) {
  healthy[`${host} SOA ${domain}`] = answer({ answers: [record(domain, 'SOA', '7')] });
  healthy[`${host} NS ${domain}`] = answer({ answers: ns });
  healthy[`${host} A ns1.example.test.`] = answer({
    answers: [record('ns1.example.test.', 'A', '198.51.100.1')],
  });
  healthy[`${host} A ns2.example.test.`] = answer({
    answers: [record('ns2.example.test.', 'A', '198.51.100.2')],
  });
}

async function check(change: Network = {}, without: readonly string[] = []): Promise<Finding[]> {
  const network = { ...healthy, ...change };
  for (const key of without) delete network[key];
  const ask: AskDns = async ({ server, name, type, transport, recurse }) => {
    assert.equal(recurse, server.host === resolver.host, 'only the resolver is asked to recurse');
    const key = `${server.host} ${type} ${name}`;
    if (transport === 'tcp' && without.includes(`${key} tcp`)) throw new Error('refused');
    const found = network[transport === 'tcp' ? `${key} tcp` : key] ?? network[key];
    if (found === undefined) throw new Error('timed out');
    return found;
  };
  return checkDelegation(domain, { ask, resolver, port: 53 });
}

const bad = (findings: readonly Finding[]) =>
  findings.filter(({ status }) => status !== 'ok').map(({ status, text }) => `${status} ${text}`);

test('checkDelegation finds nothing wrong with a healthy delegation', async () => {
  const findings = await check();
  assert.deepEqual(bad(findings), []);
  assert.ok(findings.some(({ text }) => text.includes('serial 7')));
});

test('checkDelegation fails an unknown domain', async () => {
  const findings = await check({ '192.0.2.1 NS example.test.': answer({ rcode: 3 }) });
  assert.deepEqual(bad(findings), [
    'fail example.test. is not delegated: 192.0.2.1 port 53 says that example.test. does not exist',
  ]);
});

test('checkDelegation fails a name server in the domain without glue', async () => {
  const additionals = [record('ns1.example.test.', 'A', '198.51.100.1')];
  const findings = await check({
    '192.0.2.1 NS example.test.': answer({ authoritative: false, authorities: ns, additionals }),
  });
  assert.match(bad(findings)[0] ?? '', /^fail ns2\.example\.test\. .* no glue/);
  assert.match(bad(findings)[1] ?? '', /^warn .* one address only$/);
});

test('checkDelegation fails lame servers: REFUSED, no AA, no SOA', async () => {
  const soa = [record(domain, 'SOA', '7')];
  for (const lame of [
    answer({ rcode: 5, authoritative: false }),
    answer({ authoritative: false, answers: soa }),
    answer({}),
  ]) {
    const findings = await check({ [`198.51.100.2 SOA ${domain}`]: lame });
    assert.match(bad(findings)[0] ?? '', /^fail ns2\.example\.test\. \(198\.51\.100\.2\) is lame/);
  }
});

test('checkDelegation fails a server that is silent, or deaf over TCP', async () => {
  const silent = await check({}, [`198.51.100.1 SOA ${domain}`]);
  assert.match(
    bad(silent)[0] ?? '',
    /^fail ns1\S* \(198\.51\.100\.1\) does not answer: timed out$/,
  );
  const deaf = await check({}, [`198.51.100.1 SOA ${domain} tcp`]);
  assert.deepEqual(bad(deaf), [
    'fail ns1.example.test. (198.51.100.1) does not answer over TCP: refused',
  ]);
});

test('checkDelegation warns when serials differ', async () => {
  const findings = await check({
    [`198.51.100.2 SOA ${domain}`]: answer({ answers: [record(domain, 'SOA', '6')] }),
  });
  assert.match(bad(findings)[0] ?? '', /^warn the servers have different serials: .* 7, .* 6$/);
});

test('checkDelegation warns when parent and zone name different servers', async () => {
  const own = [...ns.slice(0, 1), record(domain, 'NS', 'ns3.example.test.')];
  const findings = await check({ [`198.51.100.1 NS ${domain}`]: answer({ answers: own }) });
  assert.match(
    bad(findings)[0] ?? '',
    /^warn parent and zone .* the parent lacks ns3\.example\.test\.; the zone lacks ns2\.example\.test\.$/,
  );
});

test('checkDelegation warns of glue that the zone does not have', async () => {
  const findings = await check({
    '198.51.100.1 A ns2.example.test.': answer({
      answers: [record('ns2.example.test.', 'A', '198.51.100.9')],
    }),
  });
  assert.deepEqual(bad(findings), [
    "warn the parent's glue for ns2.example.test. has 198.51.100.2, the zone 198.51.100.9",
  ]);
});

test('checkDelegation finds the parent through a resolver that already knows the zone', async () => {
  const referral = healthy['192.0.2.1 NS example.test.'] ?? answer({});
  const findings = await check({
    '192.0.2.1 NS example.test.': answer({ authoritative: false, answers: ns }),
    '192.0.2.1 NS test.': answer({ answers: [record('test.', 'NS', 'a.parent.test.')] }),
    '192.0.2.1 A a.parent.test.': answer({
      answers: [record('a.parent.test.', 'A', '203.0.113.1')],
    }),
    [`203.0.113.1 NS ${domain}`]: referral,
  });
  assert.deepEqual(bad(findings), []);
  assert.match(findings[0]?.text ?? '', /^a\.parent\.test\. \(203\.0\.113\.1\) delegates/);
});

test('checkDelegation works against real servers', { skip: missing('nsd') }, async (t) => {
  const port = await freePort('127.0.53.1');
  const soa = (serial: number) => `@ 60 SOA ns1 hostmaster ${serial} 7200 900 1209600 300\n`;
  const child = (serial: number) =>
    `$ORIGIN example.test.\n${soa(serial)}@ 60 NS ns1\n@ 60 NS ns2\n` +
    'ns1 60 A 127.0.53.2\nns2 60 A 127.0.53.3\n';
  const parent =
    `$ORIGIN test.\n${soa(1)}@ 60 NS ns1\nns1 60 A 127.0.53.1\n` +
    'example 60 NS ns1.example\nexample 60 NS ns2.example\n' +
    'ns1.example 60 A 127.0.53.2\nns2.example 60 A 127.0.53.3\n';
  await startNsd(t, folderOf(t), '127.0.53.1', port, { test: parent });
  await startNsd(t, folderOf(t), '127.0.53.2', port, { 'example.test': child(7) });
  await startNsd(t, folderOf(t), '127.0.53.3', port, { 'example.test': child(6) });
  const parts = { ask: askDns, resolver: { host: '127.0.53.1', port }, port };
  const findings = await checkDelegation(domain, parts);
  assert.deepEqual(bad(findings), [
    'warn the servers have different serials: ' +
      'ns1.example.test. (127.0.53.2) 7, ns2.example.test. (127.0.53.3) 6',
  ]);
  assert.equal(findings.filter(({ text }) => text.includes('over UDP and TCP')).length, 2);
  const absent = await checkDelegation('other.test.', parts);
  assert.match(bad(absent)[0] ?? '', /^fail other\.test\. is not delegated: /);
});
