import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hexOf, textOf } from './rdata-of.ts';

/** Record, rdata in hex (spaces for reading), and the text printed where it differs from the record's. */
type Vector = readonly [record: string, hex: string, printed?: string];

const name = '076578616d706c6503636f6d00';

const vectors: Readonly<Record<string, readonly Vector[]>> = {
  'RFC 1035 §3.3 and §3.4': [
    ['A 192.0.2.1', 'c0000201'],
    ['A 255.255.255.255', 'ffffffff'],
    ['NS ns1', `036e7331${name}`, 'ns1.example.com.'],
    ['CNAME .', '00'],
    ['PTR @', name, 'example.com.'],
    ['MX 10 mail.a.', '000a 046d61696c 0161 00'],
    ['MX 0 .', '0000 00'],
    ['HINFO PDP-11 "UNIX V7"', '065044502d3131 07554e4958205637', '"PDP-11" "UNIX V7"'],
    ['TXT a "b c" ""', '0161 03622063 00', '"a" "b c" ""'],
    [
      'TXT "q\\"uo\\\\te\\;\\000\\195\\164"',
      '0b 71 22 75 6f 5c 7465 3b 00 c3a4',
      '"q\\"uo\\\\te;\\000\\195\\164"',
    ],
    [
      'SOA ns1.a. host\\.master.a. 4294967295 1h30m 900 2W 1d',
      '036e7331016100 0b686f73742e6d6173746572016100 ffffffff 00001518 00000384 00127500 00015180',
      'ns1.a. host\\.master.a. 4294967295 5400 900 1209600 86400',
    ],
    ['MINFO a. b.', '016100 016200'],
  ],
  'RFC 3596 §2.2': [
    ['AAAA 2001:DB8::1', '20010db8000000000000000000000001', '2001:db8::1'],
    ['AAAA ::', '00000000000000000000000000000000'],
    ['AAAA ::ffff:192.0.2.1', '00000000000000000000ffffc0000201', '::ffff:c000:201'],
  ],
  'RFC 1183, 2163, 2230': [
    ['RP louie.trantor.umd.edu. .', '056c6f756965077472616e746f7203756d640365647500 00'],
    ['AFSDB 1 a.', '0001 016100'],
    ['RT 10 a.', '000a 016100'],
    ['PX 50 a. b.', '0032 016100 016200'],
    ['KX 2 a.', '0002 016100'],
  ],
  'RFC 2782, 3403, 6672, 7553': [
    ['SRV 0 5 5060 sip.a.', '0000 0005 13c4 03736970016100'],
    [
      'NAPTR 100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.gatech.edu.',
      '0064 0032 0173 10687474702b49324c2b4932432b493252 00 055f68747470045f7463700667617465636803656475 00',
    ],
    ['DNAME a.', '016100'],
    ['URI 10 1 "ftp://ftp1.a/p"', '000a 0001 6674703a2f2f667470312e612f70'],
  ],
  'RFC 8659 §4.1': [
    ['CAA 0 issue "ca1.example.net"', '00 056973737565 6361312e6578616d706c652e6e6574'],
    ['CAA 128 tbs "Unknown"', '80 03746273 556e6b6e6f776e'],
    ['CAA 0 issue ";"', '00 056973737565 3b'],
    ['CAA 0 issue ""', '00 056973737565'],
  ],
  'RFC 4255, 6698, 7929': [
    [
      'SSHFP 2 1 123456789abcdef67890123456789abcdef67890',
      '02 01 123456789abcdef67890123456789abcdef67890',
      '2 1 123456789ABCDEF67890123456789ABCDEF67890',
    ],
    [
      'TLSA 0 0 1 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971',
      '00 00 01 d2abde240d7cd3ee6b4b28c54df034b9 7983a1d16e8a410e4561cb106618e971',
      '0 0 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971',
    ],
    ['SMIMEA 3 0 0 00', '03 00 00 00'],
    ['OPENPGPKEY AQ I=', '0102', 'AQI='],
  ],
  'RFC 4034 and 8078': [
    [
      'DS 60485 5 1 2BB183AF5F22588179A53B0A 98631FAD1A292118',
      'ec45 05 01 2bb183af5f22588179a53b0a98631fad1a292118',
      '60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118',
    ],
    ['CDS 0 0 0 00', '0000 00 00 00'],
    ['DNSKEY 256 3 ECDSAP256SHA256 AQPS', '0100 03 0d 0103d2', '256 3 13 AQPS'],
    ['CDNSKEY 0 3 0 AA==', '0000 03 00 00'],
    [
      'RRSIG A 5 3 86400 20030322173103 20030220173103 2642 example.com. oJB1',
      `0001 05 03 00015180 3e7c9dd7 3e5510d7 0a52 ${name} a09075`,
    ],
    [
      'NSEC host.example.com. A MX RRSIG NSEC TYPE1234',
      `04686f7374${name} 0006400100000003 041b 000000000000000000000000000000000000000000000000000020`,
    ],
  ],
  'RFC 5155 Appendix A': [
    ['NSEC3PARAM 1 0 12 aabbccdd', '01 00 000c 04 aabbccdd', '1 0 12 AABBCCDD'],
    ['NSEC3PARAM 1 0 0 -', '01 00 0000 00'],
    [
      'NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS SOA NSEC3PARAM RRSIG',
      '01 01 000c 04 aabbccdd 14 174eb2409fe28bcb4887a1836f957f0a8425e27b 0007 22010000000290',
      '1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM',
    ],
  ],
  'RFC 1876': [
    [
      'LOC 42 21 54 N 71 06 18 W -24m 30m',
      '00 33 16 13 89172dd0 70be15f0 00988d20',
      '42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m',
    ],
    [
      'LOC 42 21 43.952 N 71 5 6.344 W -24m 1m 200m',
      '00 12 24 13 89170690 70bf2dd8 00988d20',
      '42 21 43.952 N 71 5 6.344 W -24.00m 1.00m 200.00m 10.00m',
    ],
    [
      'LOC 90 S 180 E -100000 0 0 90000000m',
      '00 00 00 99 6cb02700 a69fb200 00000000',
      '90 0 0.000 S 180 0 0.000 E -100000.00m 0.00m 0.00m 90000000.00m',
    ],
    [
      'LOC 0 N 0 W 42849672.95m',
      '00 12 16 13 80000000 80000000 ffffffff',
      '0 0 0.000 N 0 0 0.000 E 42849672.95m 1.00m 10000.00m 10.00m',
    ],
    // Nothing times 10^5: text could not tell it from plain nothing.
    ['LOC \\# 16 00051613800000008000000000989680', '00 05 16 13 80000000 80000000 00989680'],
  ],
  'RFC 3597 §5': [
    ['TYPE731 \\# 6 abcd ef 01 23 45', 'abcdef012345', '\\# 6 ABCDEF012345'],
    ['TYPE62347 \\# 0', '', '\\# 0'],
    ['A \\# 4 0A000001', '0a000001', '10.0.0.1'],
    ['TYPE1 \\# 4 0A000001', '0a000001', '10.0.0.1'],
    ['TYPE1 10.0.0.2', '0a000002', '10.0.0.2'],
    ['CERT \\# 1 00', '00', '\\# 1 00'],
  ],
  STEER: [
    ['STEER web', '776562'],
    ['STEER "w b"', '772062', '"w b"'],
  ],
};

for (const [source, table] of Object.entries(vectors)) {
  describe(source, () => {
    for (const [record, hex, printed] of table) {
      test(`${record} has its wire form and prints as ${printed ?? 'written'}`, () => {
        assert.equal(hexOf(record), hex.replaceAll(' ', ''));
        const text = record.slice(record.indexOf(' ') + 1);
        assert.equal(textOf(record), printed ?? text);
        assert.equal(hexOf(`${record.split(' ')[0]} ${textOf(record)}`), hex.replaceAll(' ', ''));
      });
    }
  });
}
