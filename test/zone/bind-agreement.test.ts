import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { formatRRset, formatZone } from '../../src/zone/format-zone.ts';
import { readZoneFile, readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone, ZoneReading } from '../../src/zone/zone.ts';

/** BIND's own reader of master files, the yardstick where it is installed. */
const compiler = 'named-compilezone';
const missing = spawnSync(compiler, ['-v']).error !== undefined;
const skip = missing ? `${compiler} is not installed` : false;

const text = `
; every corner of RFC 1035 section 5 that both have
$TTL 1h
@ IN SOA ns1 host\\.master ( 2026010100 ; serial
     2h 15M
  2w 1d ) ; end
  5m NS ns1
	IN 5m NS ns1.example.net.
ns1 A 192.0.2.1
 AAAA 2001:db8::1
WWW 30 IN CNAME Web.Example.COM.
web IN 1h30m A 192.0.2.2
 1h30m IN A 192.0.2.3
*.wild TXT "a;b" c\\ d "e\\"f" "\\195\\188" \\"g\\"
a\\.b.c TXT ( "one"
 "two" )
\\@ TXT at
x\\032y TXT blank
\\065\\066 TXT letters
$ORIGIN sub
@ MX 10 mail
mail A 192.0.2.4
$ORIGIN deep
q PTR @
$ORIGIN example.com.
_s._tcp SRV 1 2 3 ns1
caa CAA 0 issue "ca.example.net; x=y"
naptr NAPTR 1 2 "u" "sip+E2U" "!^.*$!sip:x@example.com!" .
loc LOC 51 30 12.748 N 0 7 39.612 W 0m 1m 10000m 10m
tlsa TLSA 3 1 1 ${'ab'.repeat(16)} ${'CD'.repeat(16)}
sshfp SSHFP 4 2 ${'12'.repeat(32)}
hinfo HINFO "a b" c
unknown TYPE65280 \\# 5 01 02030405
generic TYPE1 \\# 4 c0000205
https HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1,192.0.2.2
svcb SVCB 0 other.example.net.
uri URI 10 1 "https://example.com/x;y"
dname DNAME elsewhere.example.net.
del NS ns.del
ns.del A 192.0.2.6
del DS 12345 13 2 ${'0f'.repeat(32)}
$INCLUDE more.inc inc
 TXT "del again, since the file's owner is over"
$GENERATE 1-20/3 h\${0,3} A 192.0.2.$
$GENERATE 10-12 \${0,3,n} 60 PTR h$.example.net.
`;

/** Every record as one absolute line, sorted: the order inside an RRset is free. */
function records(zone: Zone): string[] {
  const sets = [...zone.nodes.values()].flatMap((node) => [...node.values()]);
  return sets.flatMap((rrset) => formatRRset(rrset).trimEnd().split('\n')).sort();
}

function zoneOfReading({ zone, problems }: ZoneReading): Zone {
  assert.ok(zone, problems.map(formatProblem).join('\n'));
  return zone;
}

/** What BIND makes of a file: fully qualified lines. */
function compiled(folder: string, file: string): string {
  const flags = ['-q', '-i', 'none', '-k', 'ignore', '-s', 'full', '-o', '-'];
  const run = spawnSync(compiler, [...flags, 'example.com', file], { cwd: folder });
  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  return run.stdout.toString('latin1');
}

test('readZoneFile() and formatZone() agree with BIND on every record', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bind-'));
  try {
    writeFileSync(join(folder, 'example.com.zone'), text);
    writeFileSync(join(folder, 'more.inc'), '$TTL 77\nown A 192.0.2.7\n$ORIGIN lost\na TXT x\n');
    const ours = zoneOfReading(readZoneFile(join(folder, 'example.com.zone')));
    const options = { origin: 'example.com', file: 'bind' };
    const theirs = zoneOfReading(readZoneText(compiled(folder, 'example.com.zone'), options));
    assert.deepEqual(records(ours), records(theirs));

    writeFileSync(join(folder, 'formatted'), formatZone(ours));
    const again = zoneOfReading(readZoneText(compiled(folder, 'formatted'), options));
    assert.deepEqual(records(again), records(ours));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
