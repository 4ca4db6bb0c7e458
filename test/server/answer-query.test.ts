import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, makeResponder, makeUpdate, type RequestOptions } from './harness.ts';

const long = 'l'.repeat(60);

const zones = {
  'example.com.': `$TTL 300
@        SOA ns1 hostmaster 1 7200 900 1209600 60
@        NS ns1
@        NS ns.elsewhere.example.
@        MX 10 mail
@        STEER web
ns1      A 192.0.2.53
mail     A 192.0.2.25
mail     AAAA 2001:db8::25
host     A 192.0.2.1
host     A 192.0.2.2
_sip._tcp SRV 0 5 5060 mail
svc      SRV 0 5 5060 www
a.b.c    TXT "deep"
alias    CNAME host
alias2   CNAME Alias
toweb    CNAME www
tonone   CNAME none
tonodata CNAME mail
out      CNAME host.example.net.
far      CNAME host.example.org.
loop1    CNAME loop2
loop2    CNAME loop1
self     CNAME self
c1       CNAME c2
c2       CNAME c3
c3       CNAME c4
c4       CNAME c5
c5       CNAME c6
c6       CNAME c7
c7       CNAME c8
c8       CNAME c9
c9       CNAME c10
c10      A 192.0.2.10
*.wild   A 192.0.2.9
*.wild   MX 5 *.wild
*.wild   MX 6 mail
x.wild   TXT "exists"
a.y.wild TXT "makes y an ENT"
*.steer  STEER web
*.toc    CNAME host
*.towild CNAME q.wild
www  30  STEER web
v4       STEER v4only
mixed    STEER web
mixed    TXT "beside"
dname    DNAME target
dname    TXT "at the owner"
x.target A 192.0.2.77
dlong    DNAME ${long}.${long}.${long}
todname  CNAME x.dname
dloop    DNAME dloop
sub      NS ns.sub
sub      NS ns1.sub2
sub      DS 12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20
ns.sub   A 192.0.2.60
ns.sub   AAAA 2001:db8::60
sub2     NS ns1.sub2
ns1.sub2 A 192.0.2.61
tosub    CNAME www.sub
big      TXT ${Array.from({ length: 6 }, (_, i) => `"${String(i).repeat(220)}"`).join(' ')}
`,
  'child.example.com.': `$TTL 300
@    SOA ns1 hostmaster 7 7200 900 1209600 3600
@    NS ns1
ns1  A 192.0.2.70
www  A 192.0.2.71
`,
  'signed.example.': `$TTL 300
@    SOA ns1 hostmaster 7 7200 900 1209600 3600
@    NS ns1
@    DNSKEY 257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==
ns1  A 192.0.2.70
sub  NS ns.sub
sub  DS 12345 13 2 0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20
ns.sub A 192.0.2.60
`,
  'example.org.': `$TTL 600
@    SOA ns1 hostmaster 9 7200 900 1209600 30
@    NS ns1
ns1  A 192.0.2.80
host A 192.0.2.81
`,
};

const services = {
  web: { a: ['198.51.100.1', '198.51.100.2'], aaaa: ['2001:db8::1'], ttlSeconds: 20 },
  v4only: { a: ['198.51.100.3'] },
};

const responder = makeResponder(makeUpdate(zones, services));

const soa = 'example.com. 60 SOA ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 60';
const hostA = ['host.example.com. 300 A 192.0.2.1', 'host.example.com. 300 A 192.0.2.2'];

/** Concept; question; RCODE and flags besides QR; sections. */
interface Case {
  readonly q: string;
  readonly is?: string;
  readonly answer?: readonly string[];
  readonly authority?: readonly string[];
  readonly additional?: readonly string[];
  readonly options?: RequestOptions;
}

const cases: Record<string, Case> = {
  'positive answer': { q: 'host.example.com. A', answer: hostA },
  'case of the question kept, matched without it (RFC 4343)': {
    q: 'hOSt.Example.COM. A',
    answer: hostA.map((line) => line.replace('host.example.com.', 'hOSt.Example.COM.')),
  },
  'NODATA with the smaller TTL (RFC 2308 §5)': { q: 'host.example.com. AAAA', authority: [soa] },
  'NXDOMAIN (RFC 2308 §3)': { q: 'none.example.com. A', is: 'NXDOMAIN aa', authority: [soa] },
  'NXDOMAIN far below the apex': {
    q: 'a.b.d.e.f.none.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'nothing below a leaf (RFC 8020)': {
    q: 'below.host.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'empty non-terminal (RFC 4592 §2.2.2)': { q: 'b.c.example.com. TXT', authority: [soa] },
  'empty non-terminal, topmost': { q: 'c.example.com. A', authority: [soa] },
  'name below empty non-terminals': {
    q: 'a.b.c.example.com. TXT',
    answer: ['a.b.c.example.com. 300 TXT "deep"'],
  },
  'SOA at the apex': {
    q: 'example.com. SOA',
    answer: ['example.com. 300 SOA ns1.example.com. hostmaster.example.com. 1 7200 900 1209600 60'],
  },
  'NS at the apex, with addresses': {
    q: 'example.com. NS',
    answer: ['example.com. 300 NS ns1.example.com.', 'example.com. 300 NS ns.elsewhere.example.'],
    additional: ['ns1.example.com. 300 A 192.0.2.53'],
  },
  'MX with additional addresses': {
    q: 'example.com. MX',
    answer: ['example.com. 300 MX 10 mail.example.com.'],
    additional: ['mail.example.com. 300 A 192.0.2.25', 'mail.example.com. 300 AAAA 2001:db8::25'],
  },
  'SRV with additional addresses, target uncompressed (RFC 2782)': {
    q: '_sip._tcp.example.com. SRV',
    answer: ['_sip._tcp.example.com. 300 SRV 0 5 5060 mail.example.com.'],
    additional: ['mail.example.com. 300 A 192.0.2.25', 'mail.example.com. 300 AAAA 2001:db8::25'],
  },
  'a steered target has no additional addresses': {
    q: 'svc.example.com. SRV',
    answer: ['svc.example.com. 300 SRV 0 5 5060 www.example.com.'],
  },

  'wildcard (RFC 4592 §3.3)': {
    q: 'Q.wild.example.com. A',
    answer: ['Q.wild.example.com. 300 A 192.0.2.9'],
  },
  'wildcard over several labels': {
    q: 'q.r.s.wild.example.com. A',
    answer: ['q.r.s.wild.example.com. 300 A 192.0.2.9'],
  },
  'wildcard owner in its own rdata stays as written': {
    q: 'qq.wild.example.com. MX',
    answer: [
      'qq.wild.example.com. 300 MX 5 *.wild.example.com.',
      'qq.wild.example.com. 300 MX 6 mail.example.com.',
    ],
    additional: [
      '*.wild.example.com. 300 A 192.0.2.9',
      'mail.example.com. 300 A 192.0.2.25',
      'mail.example.com. 300 AAAA 2001:db8::25',
    ],
  },
  'wildcard, type not there': { q: 'q.wild.example.com. TXT', authority: [soa] },
  'wildcard blocked by an existing name': { q: 'x.wild.example.com. A', authority: [soa] },
  'wildcard blocked below an existing name': {
    q: 'z.x.wild.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'wildcard blocked by an ENT': { q: 'y.wild.example.com. A', authority: [soa] },
  'wildcard blocked below an ENT': {
    q: 'b.y.wild.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'asterisk asked literally': {
    q: '*.wild.example.com. A',
    answer: ['*.wild.example.com. 300 A 192.0.2.9'],
  },
  'below the asterisk nothing is synthesized (RFC 4592 §3.3.1)': {
    q: 'x.*.wild.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'wildcard CNAME': {
    q: 'q.toc.example.com. A',
    answer: ['q.toc.example.com. 300 CNAME host.example.com.', ...hostA],
  },
  'CNAME into a wildcard': {
    q: 'z.towild.example.com. A',
    answer: [
      'z.towild.example.com. 300 CNAME q.wild.example.com.',
      'q.wild.example.com. 300 A 192.0.2.9',
    ],
  },

  'CNAME followed': {
    q: 'alias.example.com. A',
    answer: ['alias.example.com. 300 CNAME host.example.com.', ...hostA],
  },
  'CNAME asked for itself': {
    q: 'alias.example.com. CNAME',
    answer: ['alias.example.com. 300 CNAME host.example.com.'],
  },
  'CNAME chain': {
    q: 'alias2.example.com. A',
    answer: [
      'alias2.example.com. 300 CNAME Alias.example.com.',
      'Alias.example.com. 300 CNAME host.example.com.',
      ...hostA,
    ],
  },
  'CNAME to NODATA': {
    q: 'alias.example.com. TXT',
    answer: ['alias.example.com. 300 CNAME host.example.com.'],
    authority: [soa],
  },
  'CNAME to NXDOMAIN (RFC 6604 §3)': {
    q: 'tonone.example.com. A',
    is: 'NXDOMAIN aa',
    answer: ['tonone.example.com. 300 CNAME none.example.com.'],
    authority: [soa],
  },
  'CNAME out of our zones': {
    q: 'out.example.com. A',
    answer: ['out.example.com. 300 CNAME host.example.net.'],
  },
  'CNAME into another zone of ours': {
    q: 'far.example.com. A',
    answer: ['far.example.com. 300 CNAME host.example.org.', 'host.example.org. 600 A 192.0.2.81'],
  },
  'CNAME to a delegation': {
    q: 'tosub.example.com. A',
    answer: ['tosub.example.com. 300 CNAME www.sub.example.com.'],
    authority: [
      'sub.example.com. 300 NS ns.sub.example.com.',
      'sub.example.com. 300 NS ns1.sub2.example.com.',
    ],
    additional: [
      'ns.sub.example.com. 300 A 192.0.2.60',
      'ns.sub.example.com. 300 AAAA 2001:db8::60',
      'ns1.sub2.example.com. 300 A 192.0.2.61',
    ],
  },
  'CNAME loop ends with each record once': {
    q: 'loop1.example.com. A',
    answer: [
      'loop1.example.com. 300 CNAME loop2.example.com.',
      'loop2.example.com. 300 CNAME loop1.example.com.',
    ],
  },
  'CNAME to itself': {
    q: 'self.example.com. A',
    answer: ['self.example.com. 300 CNAME self.example.com.'],
  },
  'CNAME chain longer than the cap ends with what was gathered': {
    q: 'c1.example.com. A',
    answer: Array.from(
      { length: 9 },
      (_, i) => `c${i + 1}.example.com. 300 CNAME c${i + 2}.example.com.`,
    ),
  },

  'DNAME (RFC 6672 §3.2)': {
    q: 'X.dname.example.com. A',
    answer: [
      'dname.example.com. 300 DNAME target.example.com.',
      'X.dname.example.com. 300 CNAME X.target.example.com.',
      'X.target.example.com. 300 A 192.0.2.77',
    ],
  },
  'DNAME at its owner is data': {
    q: 'dname.example.com. TXT',
    answer: ['dname.example.com. 300 TXT "at the owner"'],
  },
  'DNAME to a name that is not there': {
    q: 'y.dname.example.com. A',
    is: 'NXDOMAIN aa',
    answer: [
      'dname.example.com. 300 DNAME target.example.com.',
      'y.dname.example.com. 300 CNAME y.target.example.com.',
    ],
    authority: [soa],
  },
  'CNAME of a DNAME asked for itself': {
    q: 'x.dname.example.com. CNAME',
    answer: [
      'dname.example.com. 300 DNAME target.example.com.',
      'x.dname.example.com. 300 CNAME x.target.example.com.',
    ],
  },
  'CNAME through a DNAME': {
    q: 'todname.example.com. A',
    answer: [
      'todname.example.com. 300 CNAME x.dname.example.com.',
      'dname.example.com. 300 DNAME target.example.com.',
      'x.dname.example.com. 300 CNAME x.target.example.com.',
      'x.target.example.com. 300 A 192.0.2.77',
    ],
  },
  'DNAME to a name too long (RFC 6672 §2.2)': {
    q: `${long}.dlong.example.com. A`,
    is: 'YXDOMAIN aa',
    answer: [`dlong.example.com. 300 DNAME ${long}.${long}.${long}.example.com.`],
  },
  'DNAME onto itself ends': {
    q: 'x.dloop.example.com. A',
    answer: [
      'dloop.example.com. 300 DNAME dloop.example.com.',
      'x.dloop.example.com. 300 CNAME x.dloop.example.com.',
    ],
  },

  'zone cut: referral with glue, in-domain first (RFC 9471)': {
    q: 'www.sub.example.com. A',
    is: 'NOERROR',
    authority: [
      'sub.example.com. 300 NS ns.sub.example.com.',
      'sub.example.com. 300 NS ns1.sub2.example.com.',
    ],
    additional: [
      'ns.sub.example.com. 300 A 192.0.2.60',
      'ns.sub.example.com. 300 AAAA 2001:db8::60',
      'ns1.sub2.example.com. 300 A 192.0.2.61',
    ],
  },
  'zone cut: NS asked at the cut': {
    q: 'sub2.example.com. NS',
    is: 'NOERROR',
    authority: ['sub2.example.com. 300 NS ns1.sub2.example.com.'],
    additional: ['ns1.sub2.example.com. 300 A 192.0.2.61'],
  },
  'glue is no answer of ours': {
    q: 'ns1.sub2.example.com. A',
    is: 'NOERROR',
    authority: ['sub2.example.com. 300 NS ns1.sub2.example.com.'],
    additional: ['ns1.sub2.example.com. 300 A 192.0.2.61'],
  },
  'DS in the referral of a signed zone for queries with DO (RFC 4035 §3.1.4)': {
    q: 'www.sub.signed.example. A',
    options: { edns: { dnssecOk: true } },
    is: 'NOERROR',
    authority: [
      'sub.signed.example. 300 NS ns.sub.signed.example.',
      'sub.signed.example. 300 DS 12345 13 2 0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20',
    ],
    additional: ['ns.sub.signed.example. 300 A 192.0.2.60'],
  },
  'no DS in the referral without DO (RFC 3225 §3)': {
    q: 'www.sub.signed.example. A',
    is: 'NOERROR',
    authority: ['sub.signed.example. 300 NS ns.sub.signed.example.'],
    additional: ['ns.sub.signed.example. 300 A 192.0.2.60'],
  },
  'DS at a cut is ours (RFC 4035 §3.1.4.1)': {
    q: 'sub.example.com. DS',
    answer: [
      'sub.example.com. 300 DS 12345 13 2 0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20',
    ],
  },
  'no DS at a cut': { q: 'sub2.example.com. DS', authority: [soa] },
  'DS of a child zone served here is the parent’s': {
    q: 'child.example.com. DS',
    is: 'NXDOMAIN aa',
    authority: [soa],
  },
  'DS at an apex without its parent here': {
    q: 'example.com. DS',
    authority: [soa],
  },
  'longest matching zone': {
    q: 'www.child.example.com. A',
    answer: ['www.child.example.com. 300 A 192.0.2.71'],
  },
  'longest matching zone, negative': {
    q: 'none.child.example.com. A',
    is: 'NXDOMAIN aa',
    authority: [
      'child.example.com. 300 SOA ns1.child.example.com. hostmaster.child.example.com. 7 7200 900 1209600 3600',
    ],
  },
  'outside our zones': { q: 'example.net. A', is: 'REFUSED' },
  'above our zones': { q: 'com. A', is: 'REFUSED' },
  'the root': { q: '. NS', is: 'REFUSED' },

  'ANY gets one RRset (RFC 8482 §4.1)': { q: 'host.example.com. ANY', answer: hostA },
  'ANY where only a service stands (RFC 8482 §4.2)': {
    q: 'www.example.com. ANY',
    answer: ['www.example.com. 3600 HINFO "RFC8482" ""'],
  },
  'ANY at an ENT': { q: 'c.example.com. ANY', authority: [soa] },
  'ANY at a CNAME': {
    q: 'alias.example.com. ANY',
    answer: ['alias.example.com. 300 CNAME host.example.com.'],
  },

  'steered A, the record’s TTL': {
    q: 'www.example.com. A',
    answer: ['www.example.com. 30 A 198.51.100.1', 'www.example.com. 30 A 198.51.100.2'],
  },
  'steered AAAA': { q: 'www.example.com. AAAA', answer: ['www.example.com. 30 AAAA 2001:db8::1'] },
  'steered at the apex, the service’s TTL': {
    q: 'example.com. A',
    answer: ['example.com. 20 A 198.51.100.1', 'example.com. 20 A 198.51.100.2'],
  },
  'steered family without VIPs': { q: 'v4.example.com. AAAA', authority: [soa] },
  'steered name, other type': { q: 'www.example.com. TXT', authority: [soa] },
  'data beside a service': {
    q: 'mixed.example.com. TXT',
    answer: ['mixed.example.com. 300 TXT "beside"'],
  },
  'steered through a wildcard': {
    q: 'Any.steer.example.com. AAAA',
    answer: ['Any.steer.example.com. 20 AAAA 2001:db8::1'],
  },
  'steered through a CNAME': {
    q: 'toweb.example.com. AAAA',
    answer: [
      'toweb.example.com. 300 CNAME www.example.com.',
      'www.example.com. 30 AAAA 2001:db8::1',
    ],
  },

  'transfers are refused': { q: 'example.com. AXFR', is: 'REFUSED' },
  'meta-types are not implemented': { q: 'example.com. MAILB', is: 'NOTIMP' },
  'OPT is no question': { q: 'example.com. OPT', is: 'FORMERR' },
  'class ANY': { q: 'example.com. A', is: 'REFUSED', options: { class: 255 } },
  'class CH by default': { q: 'version.bind. TXT', is: 'REFUSED', options: { class: 3 } },
};

for (const [concept, expected] of Object.entries(cases)) {
  test(`answerQuery(): ${concept}`, () => {
    const got = ask(responder, expected.q, expected.options);
    const flags = got.flags.replace('qr', '').trim();
    assert.deepEqual(
      {
        is: `${got.rcode} ${flags}`.trim(),
        answer: got.answer,
        authority: got.authority,
        additional: got.additional,
      },
      {
        is: expected.is ?? 'NOERROR aa',
        answer: expected.answer ?? [],
        authority: expected.authority ?? [],
        additional: expected.additional ?? [],
      },
    );
    assert.equal(got.question.toLowerCase(), expected.q.toLowerCase());
  });
}
