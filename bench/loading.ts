/**
 * Microseconds of CPU time per record of each step that a large zone takes from its file to what
 * answers, and from the store: the same zone as plain lines, and written so that none is plain.
 * Run: node bench/loading.ts [records, default 200000]
 */
import { loadConfiguration } from '../src/control/load-configuration.ts';
import { newObjectsOf } from '../src/control/new-objects.ts';
import { writeZone } from '../src/image/zone-segment.ts';
import type { StoredBlock } from '../src/store/store.ts';
import { checkZone } from '../src/zone/check-zone.ts';
import { readZoneText } from '../src/zone/read-zone.ts';
import type { Zone } from '../src/zone/zone.ts';

const records = Number(process.argv[2] ?? 200_000);
const rounds = 5;
const head = '$TTL 300\n@ SOA ns1.dns.test. hostmaster.dns.test. 1 2 3 4 5\n@ NS ns1.dns.test.\n';
const noServices = { serviceSlot: () => undefined };

function cpuMicroseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** Times some work and prints the median and the least of the rounds, per record. */
function measure<T>(name: string, work: () => T): T {
  const times: number[] = [];
  let result = work();
  for (let round = 0; round < rounds; round += 1) {
    const start = cpuMicroseconds();
    result = work();
    times.push((cpuMicroseconds() - start) / records);
  }
  times.sort((a, b) => a - b);
  const middle = (times[rounds >> 1] ?? 0).toFixed(3).padStart(8);
  process.stdout.write(`${name.padEnd(52)} ${middle} µs  (least ${times[0]?.toFixed(3)})\n`);
  return result;
}

function zoneFrom(text: string): Zone {
  const { zone, problems } = readZoneText(text, { origin: 'large.test', file: 'large.test.zone' });
  if (zone === undefined) throw new Error(JSON.stringify(problems.slice(0, 3)));
  return zone;
}

const kinds: Readonly<Record<string, (index: number) => string>> = {
  A: (index) => `A 10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`,
  TXT: (index) => `TXT "host ${index}"`,
  MX: (index) => `MX 10 mail${index & 7}`,
};

for (const [kind, dataOf] of Object.entries(kinds)) {
  const plain: string[] = [];
  const held: string[] = [];
  for (let index = 0; index < records - 2; index += 1) {
    plain.push(`h${index} ${dataOf(index)}\n`);
    held.push(`h${index} (${dataOf(index)})\n`);
  }
  measure(`${kind}: read, the lines not plain`, () => zoneFrom(head + held.join('')));
  const zone = measure(`${kind}: read, plain lines`, () => zoneFrom(head + plain.join('')));
  measure(`${kind}: check again`, () => checkZone(zone));
  const blocks = measure(`${kind}: lines for the store`, () =>
    Array.from(newObjectsOf([zone]), ({ lines }): StoredBlock => {
      return { revision: 1, lines: Buffer.from(lines).toString('latin1'), replaced: new Map() };
    }),
  );
  measure(`${kind}: load stored lines`, () => loadConfiguration(blocks, 1));
  measure(`${kind}: compile`, () => writeZone(zone, noServices));
  const nodes = new Map(zone.nodes);
  measure(`${kind}: compile, not packed`, () =>
    writeZone({ origin: zone.origin, nodes }, noServices),
  );
}
