import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { readZoneFile, readZoneFolder, readZoneText } from '../../src/zone/read-zone.ts';
import type { Zone } from '../../src/zone/zone.ts';

const apex = '$TTL 9\n@ SOA ns.example.net. host.example.net. 1 2 3 4 5\n@ NS ns.example.net.\n';
const base = mkdtempSync(join(tmpdir(), 'meridian-zones-'));
after(() => rmSync(base, { recursive: true }));
let folders = 0;

/** Makes a folder of files; names may lead into folders below. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = join(base, String(folders++));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

const lines = (problems: readonly Problem[]) => problems.map(formatProblem);
const names = (zone: Zone | undefined) => [...(zone?.nodes.keys() ?? [])].sort();

test('$INCLUDE restores origin and owner after the file (RFC 1035 §5.1)', () => {
  const folder = folderOf({
    'example.com.zone': `${apex}a A 192.0.2.1\n$INCLUDE "sub.inc" sub\n  TXT x\nb A 192.0.2.1\n`,
    'sub.inc': '  TXT of-a\nc A 192.0.2.1\n$ORIGIN deep\nd A 192.0.2.1\n',
  });
  const { zone, problems } = readZoneFile(join(folder, 'example.com.zone'));
  assert.deepEqual(lines(problems), []);
  assert.deepEqual(names(zone), [
    'a.example.com.',
    'b.example.com.',
    'c.sub.example.com.',
    'd.deep.sub.example.com.',
    'example.com.',
  ]);
  assert.equal(zone?.nodes.get('a.example.com.')?.get(16)?.rdatas.length, 2);
});

test('$INCLUDE finds files relative to the including one and names them in problems', () => {
  const folder = folderOf({
    'example.com.zone': `${apex}$INCLUDE common/mail.inc\n`,
    'common/mail.inc': '$INCLUDE hosts.inc\n@ MX x y\n',
    'common/hosts.inc': 'a A 192.0.2.1\nb A 192.0.2.300\n',
  });
  const { problems } = readZoneFile(join(folder, 'example.com.zone'));
  const places = problems.map(({ where }) => where?.slice(folder.length + 1));
  assert.deepEqual(places, ['common/hosts.inc:2', 'common/mail.inc:2']);
});

test('$INCLUDE reads nothing outside the folder', () => {
  const outside = folderOf({ 'secret.inc': 'secret A 192.0.2.1\n' });
  const folder = folderOf({
    'example.com.zone': `${apex}$INCLUDE ../0/secret.inc\n$INCLUDE ${outside}/secret.inc
$INCLUDE link.inc\n$INCLUDE down/secret.inc\n$INCLUDE /etc/passwd\n$INCLUDE .\n`,
  });
  symlinkSync(join(outside, 'secret.inc'), join(folder, 'link.inc'));
  symlinkSync(outside, join(folder, 'down'));
  const { zone, problems } = readZoneFile(join(folder, 'example.com.zone'));
  assert.equal(zone, undefined);
  assert.deepEqual(
    problems.map(({ code, where }) => `${code} ${where?.split(':').at(-1)}`),
    ['4', '5', '6', '7', '8'].map((line) => `E_ZONE_INCLUDE ${line}`).concat('E_ZONE_FILE 9'),
  );
  assert.doesNotMatch(lines(problems).join(), /192\.0\.2\.1/);
});

test('$INCLUDE follows links and absolute paths that stay inside the folder', () => {
  const folder = folderOf({ 'data/real.inc': 'a A 192.0.2.1\n' });
  symlinkSync(join(folder, 'data/real.inc'), join(folder, 'link.inc'));
  const text = `${apex}$INCLUDE link.inc\n$INCLUDE ${folder}/data/real.inc b\n`;
  writeFileSync(join(folder, 'example.com.zone'), text);
  const { zone, problems } = readZoneFile(join(folder, 'example.com.zone'));
  assert.deepEqual(lines(problems), []);
  assert.deepEqual(names(zone), ['a.b.example.com.', 'a.example.com.', 'example.com.']);
});

test('$INCLUDE ends in an error when files include each other', () => {
  const folder = folderOf({
    'example.com.zone': `${apex}$INCLUDE a.inc\n`,
    'a.inc': '$INCLUDE b.inc\n',
    'b.inc': '$INCLUDE a.inc\n',
  });
  const { problems } = readZoneFile(join(folder, 'example.com.zone'));
  assert.equal(problems.length, 1);
  assert.match(lines(problems)[0] ?? '', /include each other over 8 deep.*E_ZONE_INCLUDE/);
});

test('$INCLUDE that doubles at every depth is stopped by the number of files', () => {
  const includes = (name: string) => `$INCLUDE ${name}\n`.repeat(10);
  const reading = readZoneText(apex + includes('0'), {
    origin: 'example.com',
    file: 'x',
    readInclude: (path) => includes(String(Number(path) + 1)),
  });
  assert.ok(reading.problems.some(({ code }) => code === 'E_ZONE_TOO_LARGE'));
});

test('readZoneText() includes nothing unless it is told how', () => {
  const { problems } = readZoneText(`${apex}$INCLUDE a\n`, { origin: 'example.com', file: 'x' });
  assert.match(lines(problems).join(), /^x:4: "a" cannot be included here.*E_ZONE_INCLUDE/);
});

test('readZoneFolder() reads every zone; a bad one does not stop the others', () => {
  const folder = folderOf({
    'example.com.zone': apex,
    'example.edu.zone': `${apex}a A x\n`,
    'EXAMPLE.org.zone': apex,
    'a..b.zone': apex,
    '.hidden.zone': 'x',
    'notes.txt': 'x',
    'sub/example.info.zone': apex,
  });
  mkdirSync(join(folder, 'folder.zone'));
  const { zones, problems } = readZoneFolder(folder);
  assert.deepEqual(zones.map(({ origin }) => origin).sort(), ['example.com.', 'example.org.']);
  assert.deepEqual(
    problems.map(({ code, where }) => `${code} ${where?.slice(folder.length + 1)}`),
    ['E_NAME_SYNTAX a..b.zone', 'E_RDATA_SYNTAX example.edu.zone:4', 'E_ZONE_FILE folder.zone'],
  );
});

test('readZoneFolder() refuses the second file of a zone', () => {
  const folder = folderOf({ 'EXAMPLE.com.zone': apex, 'example.com.zone': apex });
  const { zones, problems } = readZoneFolder(folder);
  assert.equal(zones.length, 1);
  assert.match(
    lines(problems).join(),
    /already in .*EXAMPLE\.com\.zone; remove one file \(E_ZONE_TWICE\)/,
  );
});

test('readZoneFolder() says when there is no folder', () => {
  const { zones, problems } = readZoneFolder(join(base, 'none'));
  assert.deepEqual([zones.length, problems[0]?.code], [0, 'E_ZONE_FILE']);
});

test('readZoneFile() refuses UTF-16 and reads Latin-1 only in comments and quotes', () => {
  const folder = folderOf({
    'a.example.zone': Buffer.from(`\ufeff${apex}`, 'utf16le'),
    'b.example.zone': Buffer.from(`${apex}; \xfc\na TXT "\xfc"\n`, 'latin1'),
    'c.example.zone': Buffer.from(`${apex}\xfc A 192.0.2.1\n`, 'latin1'),
  });
  const { zones, problems } = readZoneFolder(folder);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['E_ZONE_ENCODING', 'E_ZONE_SYNTAX'],
  );
  const text = zones[0]?.nodes.get('a.b.example.')?.get(16)?.rdatas[0];
  assert.deepEqual([...(text ?? [])], [1, 0xfc]);
});

test('the example zone reads without a warning and shows what a zone can hold', () => {
  const { zones, problems } = readZoneFolder(join(import.meta.dirname, '../../zones'));
  assert.deepEqual(lines(problems), []);
  const zone = zones.find(({ origin }) => origin === 'example.com.');
  const types = new Set([...(zone?.nodes.values() ?? [])].flatMap((node) => [...node.keys()]));
  for (const type of [1, 2, 5, 6, 15, 16, 28, 33, 65, 257, 0x1_0000]) assert.ok(types.has(type));
});
