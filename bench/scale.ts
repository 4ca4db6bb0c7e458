/**
 * How Meridian stands large and many: one zone of many names, many zones, many services; NSD on the
 * same files in the same run where it is installed. One process per part; seconds, MB and octets.
 * Run: node bench/scale.ts [--names 999900] [--zones 100000] [--services 10000] [--regions 50]
 *      [--only names,zones,services,nsd] [--keep folder]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { writeManyZones, writeOneZone } from './scale/inputs.ts';
import { measureNsd } from './scale/nsd.ts';
import { measureProcess } from './scale/process.ts';
import { measureServices } from './scale/services.ts';
import { measureZones } from './scale/zones.ts';

const { values } = parseArgs({
  options: {
    names: { type: 'string', default: '999900' },
    zones: { type: 'string', default: '100000' },
    services: { type: 'string', default: '10000' },
    regions: { type: 'string', default: '50' },
    only: { type: 'string', default: 'names,zones,services,nsd' },
    keep: { type: 'string' },
    /** Only within: the part that this process runs. */
    part: { type: 'string' },
  },
});

const parts: Record<string, (folder: string) => Promise<void> | void> = {
  'names-cold': (folder) => measureZones('cold', folder, 'names'),
  'names-warm': (folder) => measureZones('warm', folder, 'names'),
  'names-process': (folder) => measureProcess(folder, 'names', 1),
  'zones-cold': (folder) => measureZones('cold', folder, 'zones'),
  'zones-warm': (folder) => measureZones('warm', folder, 'zones'),
  'zones-process': (folder) => measureProcess(folder, 'zones', Number(values.zones)),
  'services-all': () => measureServices(Number(values.services), Number(values.regions)),
  'names-nsd': (folder) => measureNsd(folder, 'names'),
  'zones-nsd': (folder) => measureNsd(folder, 'zones'),
};

async function main(): Promise<void> {
  const folder = values.keep ?? mkdtempSync(join(tmpdir(), 'meridian-scale-'));
  if (values.part !== undefined) {
    await parts[values.part]?.(folder);
    process.exit(0);
  }
  const only = values.only.split(',');
  if (!existsSync(join(folder, 'names'))) {
    mkdirSync(folder, { recursive: true });
    writeOneZone(join(folder, 'names'), Number(values.names));
    writeManyZones(join(folder, 'zones'), Number(values.zones));
  }
  try {
    for (const part of Object.keys(parts)) {
      const [subject = '', how = ''] = part.split('-');
      if (!only.includes(subject) && !only.includes(part)) continue;
      if (how === 'nsd' && !only.includes('nsd')) continue;
      process.stdout.write(`\n${part}\n`);
      const flags = Object.entries(values).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
      spawnSync(
        process.execPath,
        [...process.execArgv, import.meta.filename, ...flags, '--keep', folder, '--part', part],
        { stdio: 'inherit' },
      );
    }
  } finally {
    if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
  }
}

await main();
