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
  const apply = (turn: number, ...edits: readonly Edit[]) => {
    const origin = originOf(turn);
    const writes = edits.map(([label, type, value]) => {
      const owner = label === '@' ? origin : `${label}.${origin}`;
      const body = value === null ? null : JSON.stringify({ ttl: 300, values: [value] });
      return { kind: 'rrset', id: `${origin}/${owner}/${type}`, body } as const;
    });
    return controller.apply(writes, { actor: 'bench', summary: 'edit' });
  };
  const address = (turn: number) => `192.${randomInt(256)}.2.${turn % 250}`;
  await repeated('first edit after the start', 1, () => apply(0, ['first', 'A', address(0)]));
  await repeated('edit one RRset until served', 20, (turn) =>
    apply(turn, [`h${turn % 7}`, 'A', address(turn)]),
  );
  await repeated('add one name until served', 10, (turn) =>
    apply(turn, [`new${turn}`, 'A', address(turn)]),
  );
  await repeated('take a name away', 10, (turn) => apply(turn, [`new${turn}`, 'A', null]));
  if (subject === 'names') await editAllKinds(apply, address);
  printMemory('after these edits');
  if (subject !== 'names') return;
  await repeated('edit one RRset until served', manyEdits, (turn) =>
    apply(turn, [`h${turn * 10}`, 'A', address(turn)]),
  );
  printMemory(`after ${manyEdits} more`);
}

/** A label of the zone, or its apex, a type, and a value or that it goes. */
type Edit = readonly [label: string, type: string, value: string | null];

/** So many that waste is folded away several times. */
const manyEdits = 6000;

/** Edits that other names depend on: each comes and goes in turn. */
async function editAllKinds(
  apply: (turn: number, ...edits: readonly Edit[]) => Promise<unknown>,
  address: (turn: number) => string,
): Promise<void> {
  const goes = (turn: number, value: string) => (turn % 2 === 1 ? null : value);
  await repeated('a wildcard comes and goes', 10, (turn) =>
    apply(turn, ['*', 'TXT', goes(turn, '"wild"')]),
  );
  await repeated('MX at the apex', 10, (turn) =>
    apply(turn, ['@', 'MX', `${turn} h${turn}.${largeOrigin}`]),
  );
  await repeated('address of a name that MX names', 10, (turn) =>
    apply(turn, ['h9', 'A', address(turn)]),
  );
  await repeated('a delegation with glue comes and goes', 10, (turn) =>
    apply(
      turn,
      ['sub', 'NS', goes(turn, `ns.sub.${largeOrigin}`)],
      ['ns.sub', 'A', goes(turn, address(turn))],
    ),
  );
  await repeated('a DNAME comes and goes', 10, (turn) =>
    apply(turn, ['moved', 'DNAME', goes(turn, 'elsewhere.test.')]),
  );
}
