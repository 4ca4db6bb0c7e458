import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fillFromFolder } from '../../src/control/import-folder.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { recordCount } from '../../src/zone/edit-zone.ts';
import { largeOrigin, smallOrigin } from './inputs.ts';
import { print, printMemory, repeated, timed } from './meter.ts';
import { type BenchNode, startBenchNode } from './node.ts';
import { endingAtApply, Phases } from './phases.ts';

/** Measures the start from files or from the store, and then edits. */
export async function measureZones(
  start: 'cold' | 'warm',
  folder: string,
  subject: 'names' | 'zones',
): Promise<void> {
  const data = join(folder, `${subject}-data`);
  if (start === 'cold' && existsSync(data)) throw new Error(`${data} exists: start anew`);
  const began = performance.now();
  const store = await timed('open the store', () => openSqliteStore(data));
  const phases = new Phases();
  const node = await timed('load, compile and publish', () =>
    startBenchNode(store, () => new Map(), data, phases),
  );
  if (start === 'cold') {
    const controller = endingAtApply(
      node.controller,
      phases.begin('read the files and check them'),
    );
    const { problems } = await timed('fill from the folder', () =>
      fillFromFolder(controller, join(folder, subject)),
    );
    phases.print();
    for (const problem of problems.slice(0, 3)) process.stdout.write(`  ${problem.message}\n`);
  }
  print('start in all', (performance.now() - began) / 1000, 's');
  const zones = [...node.controller.configuration().zones.values()];
  const records = zones.reduce((sum, zone) => sum + recordCount(zone), 0);
  print('zones', zones.length, '');
  print('records', records, '');
  print('image', node.published() / 1e6, 'MB');
  print('image per record', node.published() / records, 'octets');
  printMemory('after the start');
  if (start === 'warm') await edit(node, subject, zones.length);
  await timed('save the image', () => node.saved.close());
  await node.dataPlane.close();
  store.close();
}

async function edit(node: BenchNode, subject: string, zones: number): Promise<void> {
  const { controller } = node;
  const originOf = (turn: number) =>
    subject === 'names' ? largeOrigin : smallOrigin((turn * 7919) % zones);
  const put = (turn: number, owner: string) => {
    const origin = originOf(turn);
    const body = JSON.stringify({ ttl: 300, values: [`192.${randomInt(256)}.2.${turn % 250}`] });
    const write = { kind: 'rrset', id: `${origin}/${owner}.${origin}/A`, body } as const;
    return controller.apply([write], { actor: 'bench', summary: 'edit' });
  };
  await put(1000, 'warm-up');
  await repeated('edit one RRset until served', 20, (turn) => put(turn, `h${turn % 7}`));
  await repeated('add one name until served', 10, (turn) => put(turn, `new${turn}`));
  printMemory('after 30 edits');
}
