import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const head =
  '$TTL 300\n@ SOA ns1.dns.test. hostmaster.dns.test. 1 7200 900 1209600 60\n@ NS ns1.dns.test.\n';

/** Names of the one large zone, and of the many small ones. */
export const largeOrigin = 'large.test.';
export const smallOrigin = (index: number): string => `z${index}.small.test.`;

/** Writes one zone of so many RRsets: nine addresses to one text. */
export function writeOneZone(folder: string, rrsets: number): void {
  mkdirSync(folder, { recursive: true });
  const file = openSync(join(folder, 'large.test.zone'), 'w');
  writeSync(file, head);
  let lines: string[] = [];
  for (let index = 0; index < rrsets - 2; index += 1) {
    const address = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
    lines.push(index % 10 === 9 ? `h${index} TXT "host ${index}"` : `h${index} A ${address}`);
    if (lines.length === 50_000) {
      writeSync(file, `${lines.join('\n')}\n`);
      lines = [];
    }
  }
  writeSync(file, `${lines.join('\n')}\n`);
  closeSync(file);
}

/** Writes so many zones of 11 records. */
export function writeManyZones(folder: string, zones: number): void {
  mkdirSync(folder, { recursive: true });
  for (let index = 0; index < zones; index += 1) {
    const third = (index >> 8) & 255;
    const hosts = Array.from(
      { length: 7 },
      (_, host) => `h${host} A 10.${host}.${third}.${index & 255}`,
    );
    const text = `${head}@ MX 10 mail\nmail A 10.9.${third}.${index & 255}\n${hosts.join('\n')}\n`;
    writeFileSync(join(folder, `${smallOrigin(index).slice(0, -1)}.zone`), text);
  }
}
