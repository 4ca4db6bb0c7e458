import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { missing, startMeridian, temporaryFolder, writeFiles } from './support/processes.ts';
import { inParallel } from './support/udp-channel.ts';

const longTexts = Array.from({ length: 9 }, (_, index) => `long TXT "${index} ${'x'.repeat(250)}"`);
const zone = `
$TTL 300
@ SOA ns1 hostmaster 7 7200 900 1209600 60
@ NS ns1
@ NS ns2.elsewhere.example.
@ STEER web
ns1 A 192.0.2.53
ns1 AAAA 2001:db8::53
www 20 STEER web
near STEER near
alias CNAME www
far CNAME hop
hop CNAME alias
loop CNAME pool
pool CNAME loop
out CNAME www.elsewhere.example.
*.apps A 192.0.2.77
*.apps MX 10 mail
a.deep.name A 192.0.2.78
old DNAME new
www.new A 192.0.2.79
tail DNAME ${'long-label.'.repeat(20)}elsewhere.example.
child NS ns.child
child NS ns.elsewhere.example.
child DS 12345 13 2 ${'AB'.repeat(32)}
ns.child A 192.0.2.80
mail MX 10 ns1
mail TXT "v=spf1 -all" "two \\"strings\\"; one record" "\\000\\255"
mail SPF "v=spf1 -all"
srv SRV 1 2 443 www
caa CAA 0 issue "ca.example; account=1"
svc SVCB 0 www
svc2 SVCB 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1 mandatory=alpn
https HTTPS 1 . alpn=h3 no-default-alpn ech=AEX+DQBBzwAgACBpjKoT key65333=abc
loc LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m
naptr NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu.
naptr NAPTR 100 51 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .
_443._tcp TLSA 3 1 1 ${'0123456789ABCDEF'.repeat(4)}
sshfp SSHFP 4 2 ${'0123456789ABCDEF'.repeat(4)}
hinfo HINFO "PDP-11" "UNIX V7"
rp RP host\\.master mail
ptr PTR www
uri URI 10 1 "https://www.tools.test/path"
unknown TYPE65280 \\# 4 0A000001
odd\\.label\\;x\\032y TXT odd
${longTexts.join('\n')}
`;

const traffic = `
regions:
  east: { place: aws:us-east-1 }
  west: { place: aws:eu-west-1 }
services:
  web:
    members:
      east: { a: [192.0.2.10], aaaa: ["2001:db8:1::10"] }
      west: { a: [198.51.100.10, 198.51.100.11], aaaa: ["2001:db8:2::10"] }
    policy: { failover: [west, east] }
  near:
    members:
      east: { a: [192.0.2.10] }
      west: { a: [198.51.100.10] }
    policy:
      geo:
        - { match: { cidr: [203.0.113.0/24, "2001:db8:77::/48"] }, use: west }
      else: { failover: [east, west] }
`;

/** What a program says that it may not say. */
const complaint = /warning|malformed|extra bytes|bad packet|error|mismatch|failed|Got bad/i;

interface Case {
  readonly says: string;
  /** What to ask, in words that dig and kdig share; `@` and the port are added. */
  readonly ask: string;
  /** All must be found in what is printed, runs of white space made one space. */
  readonly expect: readonly (RegExp | string)[];
  readonly refuse?: RegExp;
  /** A remark of dig's about what was asked, not about the answer. */
  readonly remark?: RegExp;
  /** Words that only one of them has. */
  readonly dig?: string;
  readonly kdig?: string;
  /** Asked of one of them only. */
  readonly only?: 'dig' | 'kdig';
}

const authority =
  'tools.test. 60 IN SOA ns1.tools.test. hostmaster.tools.test. 7 7200 900 1209600 60';
const cases: readonly Case[] = [
  {
    says: 'a positive answer',
    ask: 'ns1.tools.test A',
    expect: [/NOERROR/, /flags: qr aa[ ;]/i, 'ns1.tools.test. 300 IN A 192.0.2.53'],
  },
  {
    says: 'a steered answer',
    ask: 'www.tools.test AAAA',
    expect: ['www.tools.test. 20 IN AAAA 2001:db8:2::10'],
  },
  { says: 'a steered apex', ask: 'tools.test A', expect: ['tools.test. 30 IN A 198.51.100.1'] },
  {
    says: 'a client subnet whose network decides: the scope is its prefix',
    ask: 'near.tools.test A +subnet=203.0.113.0/24',
    expect: ['near.tools.test. 30 IN A 198.51.100.10', /SUBNET: 203\.0\.113\.0\/24\/24/],
  },
  {
    says: 'a client subnet elsewhere: the scope is the widest prefix that is answered alike',
    ask: 'near.tools.test A +subnet=10.0.0.0/8',
    expect: ['near.tools.test. 30 IN A 192.0.2.10', /SUBNET: 10\.0\.0\.0\/8\/1$/m],
  },
  {
    says: 'an IPv6 client subnet',
    ask: 'near.tools.test A +subnet=2001:db8:77::/48',
    expect: ['near.tools.test. 30 IN A 198.51.100.10', /SUBNET: 2001:db8:77::\/48\/48/],
  },
  {
    says: 'a client subnet of no bits: scope 0 (RFC 7871 §7.1.2)',
    ask: 'near.tools.test A +subnet=0.0.0.0/0',
    expect: ['near.tools.test. 30 IN A', /SUBNET: 0(\.0\.0\.0)?\/0\/0/],
  },
  {
    says: 'a client subnet that does not matter: scope 0',
    ask: 'ns1.tools.test A +subnet=203.0.113.0/24',
    expect: [/SUBNET: 203\.0\.113\.0\/24\/0/],
  },
  { says: 'no client subnet unasked', ask: 'near.tools.test A', expect: [], refuse: /SUBNET/i },
  { says: 'NODATA', ask: 'www.tools.test MX', expect: [/NOERROR/, authority] },
  {
    says: 'NODATA at an empty non-terminal',
    ask: 'deep.name.tools.test A',
    expect: [/NOERROR/, authority],
  },
  { says: 'NXDOMAIN', ask: 'nothing.tools.test A', expect: [/NXDOMAIN/, authority] },
  {
    says: 'a wildcard',
    ask: 'x.y.aPPs.tools.test A',
    expect: [/x\.y\.apps\.tools\.test\. 300 IN A 192\.0\.2\.77/i],
  },
  {
    says: 'a referral with glue',
    ask: 'www.child.tools.test A',
    expect: [
      /flags: qr;/i,
      'child.tools.test. 300 IN NS ns.child.tools.test.',
      'ns.child.tools.test. 300 IN A 192.0.2.80',
    ],
  },
  {
    says: 'a DS from the parent side',
    ask: 'child.tools.test DS +dnssec',
    expect: [/child\.tools\.test\. 300 IN DS 12345 13 2 ABAB/i, /flags: do/i],
  },
  {
    says: 'a chain of aliases',
    ask: 'far.tools.test A',
    expect: [
      'far.tools.test. 300 IN CNAME hop.tools.test.',
      'hop.tools.test. 300 IN CNAME alias.tools.test.',
      'alias.tools.test. 300 IN CNAME www.tools.test.',
      /www\.tools\.test\. 20 IN A 198\.51\.100\.1[01]/,
    ],
  },
  {
    says: 'aliases in a ring',
    ask: 'loop.tools.test A',
    expect: [/NOERROR/, 'pool.tools.test. 300 IN CNAME loop.tools.test.'],
  },
  {
    says: 'an alias that leaves',
    ask: 'out.tools.test A',
    expect: ['IN CNAME www.elsewhere.example.'],
  },
  {
    says: 'a DNAME with the CNAME it stands for',
    ask: 'www.old.tools.test A',
    expect: [
      'old.tools.test. 300 IN DNAME new.tools.test.',
      'www.old.tools.test. 300 IN CNAME www.new.tools.test.',
      'www.new.tools.test. 300 IN A 192.0.2.79',
    ],
  },
  {
    says: 'a DNAME that makes the name too long',
    ask: `${'abcdefghi.'.repeat(3)}tail.tools.test A`,
    expect: [/YXDOMAIN/, 'tail.tools.test. 300 IN DNAME long-label.'],
  },
  {
    says: 'a truncated answer',
    ask: 'long.tools.test TXT +ignore',
    expect: [/flags: qr aa tc/i, /ANSWER: 0/],
  },
  { says: 'the same over TCP', ask: 'long.tools.test TXT +tcp', expect: [/ANSWER: 9/, /"8 xxx/] },
  {
    says: 'a question over TCP with keepalive',
    ask: 'ns1.tools.test A +tcp',
    dig: '+keepalive',
    expect: ['192.0.2.53'],
  },
  {
    says: 'NSID',
    ask: 'ns1.tools.test A +nsid',
    expect: [/NSID: 6E 6F 64 65 2D 31|NSID: 6E6F64652D31/i, /node-1/],
  },
  { says: 'no NSID unasked', ask: 'ns1.tools.test A', expect: [], refuse: /NSID/ },
  {
    says: 'CH TXT version.bind',
    ask: 'version.bind CH TXT',
    expect: [/version\.bind\. 0 CH TXT "Meridian test"/],
  },
  { says: 'CH TXT id.server', ask: 'id.server CH TXT', expect: [/id\.server\. 0 CH TXT "node-1"/] },
  { says: 'CH TXT of another name', ask: 'authors.bind CH TXT', expect: [/REFUSED/] },
  {
    says: 'ANY with one RRset',
    ask: 'mail.tools.test ANY',
    dig: '+notcp',
    kdig: '+notcp',
    expect: [/ANSWER: 1\b/],
  },
  {
    says: 'an unknown type',
    ask: 'unknown.tools.test TYPE65280',
    expect: ['IN TYPE65280 \\# 4 0A000001'],
  },
  {
    says: 'SVCB in alias mode',
    ask: 'svc.tools.test TYPE64',
    expect: [/300 IN SVCB 0 www\.tools\.test\./],
  },
  {
    says: 'SVCB with parameters',
    ask: 'svc2.tools.test TYPE64',
    expect: [
      /SVCB 1 \. mandatory="?alpn"? alpn="?h2,h3"? port="?8443"? ipv4hint="?192\.0\.2\.1"? ipv6hint="?2001:db8::1"?/,
    ],
  },
  {
    says: 'HTTPS',
    ask: 'https.tools.test TYPE65',
    expect: [
      /HTTPS 1 \. alpn="?h3"? no-default-alpn ech="?AEX\+DQBBzwAgACBpjKoT"? key65333="?abc"?/,
    ],
  },
  {
    says: 'LOC',
    ask: 'loc.tools.test LOC',
    expect: [/LOC 52 22 23(\.000)? N 4 53 32(\.000)? E -2(\.00)?m 0(\.00)?m 10000m 10m/],
  },
  {
    says: 'NAPTR',
    ask: 'naptr.tools.test NAPTR',
    expect: [
      'NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu.',
      'NAPTR 100 51 "u" "E2U+sip" "!^.*$!sip:info@example.com!" .',
    ],
  },
  { says: 'TLSA', ask: '_443._tcp.tools.test TLSA', expect: [/TLSA 3 1 1 0123456789ABCDEF/i] },
  { says: 'SSHFP', ask: 'sshfp.tools.test SSHFP', expect: [/SSHFP 4 2 0123456789ABCDEF/i] },
  { says: 'HINFO', ask: 'hinfo.tools.test HINFO', expect: ['HINFO "PDP-11" "UNIX V7"'] },
  {
    says: 'RP',
    ask: 'rp.tools.test RP',
    expect: ['RP host\\.master.tools.test. mail.tools.test.'],
  },
  { says: 'PTR', ask: 'ptr.tools.test PTR', expect: ['PTR www.tools.test.'] },
  { says: 'URI', ask: 'uri.tools.test URI', expect: ['URI 10 1 "https://www.tools.test/path"'] },
  { says: 'CAA', ask: 'caa.tools.test CAA', expect: ['CAA 0 issue "ca.example; account=1"'] },
  {
    says: 'SRV with addresses that fit',
    ask: 'srv.tools.test SRV',
    expect: ['SRV 1 2 443 www.tools.test.'],
  },
  {
    says: 'MX with addresses',
    ask: 'mail.tools.test MX',
    expect: ['MX 10 ns1.tools.test.', 'ns1.tools.test. 300 IN AAAA 2001:db8::53'],
  },
  {
    says: 'TXT of several strings',
    ask: 'mail.tools.test TXT',
    expect: ['"v=spf1 -all" "two \\"strings\\"; one record" "\\000\\255"'],
  },
  {
    says: 'an escaped name',
    ask: 'odd\\.label\\;x\\032y.tools.test TXT',
    expect: [/odd\\\.label\\;x\\032y\.tools\.test\. 300 IN TXT "odd"/],
  },
  {
    says: 'REFUSED outside',
    ask: 'www.example.org A',
    expect: [/REFUSED/],
    refuse: /flags: qr aa/i,
  },
  { says: 'BADVERS', ask: 'ns1.tools.test A +edns=1', dig: '+noednsneg', expect: [/BADVERS/] },
  {
    says: 'an unknown EDNS option',
    ask: 'ns1.tools.test A +ednsopt=65001:abcd',
    expect: ['192.0.2.53'],
    refuse: /^; OPT=65001|Option \(65001\)/m,
  },
  {
    says: 'unknown EDNS flags',
    ask: 'ns1.tools.test A +ednsflags=0x40',
    expect: ['192.0.2.53'],
    refuse: /MBZ/,
    only: 'dig',
  },
  { says: 'no EDNS', ask: 'ns1.tools.test A +noedns', expect: ['192.0.2.53'], refuse: /EDNS/ },
  {
    says: 'an unknown opcode',
    ask: 'ns1.tools.test A +opcode=6',
    expect: [/NOTIMP/],
    remark: /returned status NOTIMP - retry with/,
    only: 'dig',
  },
  {
    says: 'a cookie',
    ask: 'ns1.tools.test A +cookie',
    expect: [/COOKIE: \w{16}01000000[0-9a-f]{24}( \(good\))?$/im, '192.0.2.53'],
  },
  {
    says: 'a cookie that dig knows for its own',
    ask: 'ns1.tools.test A +cookie=0011223344556677',
    expect: [/COOKIE: 001122334455667701000000[0-9a-f]{24} \(good\)$/m],
    only: 'dig',
  },
  { says: 'no cookie unasked', ask: 'ns1.tools.test A +nocookie', expect: [], refuse: /COOKIE/ },
  {
    says: 'no question but for a cookie (RFC 7873 §5.4)',
    ask: 'ns1.tools.test +header-only +cookie',
    expect: [/NOERROR/, /QUERY: 0, ANSWER: 0/, /COOKIE: \w{48} \(good\)/],
    only: 'dig',
  },
  {
    says: 'no question',
    ask: 'ns1.tools.test +header-only +nocookie',
    expect: [/FORMERR/],
    remark: /returned status FORMERR - retry with/,
    only: 'dig',
  },
  {
    says: 'reserved header bits that do not come back',
    ask: 'ns1.tools.test A +zflag +adflag',
    expect: [/flags: qr aa;/],
    only: 'dig',
  },
  {
    says: 'RD copied',
    ask: 'ns1.tools.test A +rec',
    expect: [/flags: qr aa rd;/i],
    remark: /recursion requested but not available/,
  },
];

interface Spoken {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

function run(program: string, words: readonly string[]): Promise<Spoken> {
  return new Promise((resolve) => {
    execFile(program, words, { timeout: 15_000 }, (failure, stdout, stderr) => {
      const code = typeof failure?.code === 'number' ? failure.code : failure === null ? 0 : -1;
      resolve({ code, out: stdout.replace(/[ \t]+/g, ' '), error: stderr });
    });
  });
}

for (const program of ['dig', 'kdig'] as const) {
  test(`${program} reads every kind of answer`, { skip: missing(program) }, async (t) => {
    const folder = temporaryFolder(t);
    writeFiles(folder, { 'zones/tools.test.zone': zone, 'zones/traffic.yaml': traffic });
    const identity = ['--nsid', 'node-1', '--server-id', 'node-1'];
    const meridian = await startMeridian(t, {
      zones: `${folder}/zones`,
      data: `${folder}/data`,
      flags: [...identity, '--version-bind', 'Meridian test'],
    });
    const base = ['@127.0.0.1', '-p', String(meridian.port), '+norec', '+timeout=5', '+retry=0'];
    const edns = program === 'kdig' ? ['+edns=0'] : [];
    const asked = cases.filter(({ only }) => only === undefined || only === program);
    const spoken = new Map<Case, Spoken>();
    await inParallel(asked, 4, async (each) => {
      const words = `${each.ask} ${each[program] ?? ''}`.trim().split(' ');
      spoken.set(each, await run(program, [...base, ...edns, ...words]));
    });
    for (const each of asked) {
      await t.test(each.says, () => {
        const { code, out, error } = spoken.get(each) ?? { code: -1, out: '', error: '' };
        assert.equal(error, '', out);
        assert.equal(code, 0, out);
        const lines = out.split('\n').filter((line) => line.startsWith(';;'));
        const complaints = lines.filter(
          (line) =>
            each.remark?.test(line) !== true &&
            complaint.test(line.replace(/(status|ext-rcode): \w+/g, '')),
        );
        assert.deepEqual(complaints, [], out);
        for (const pattern of each.expect) {
          if (typeof pattern === 'string') assert.ok(out.includes(pattern), `${pattern}\n${out}`);
          else assert.match(out, pattern);
        }
        if (each.refuse !== undefined) assert.doesNotMatch(out, each.refuse);
      });
    }
  });
}
