import type { ObjectWrite } from '../../src/control/change.ts';
import type { MemberHealth, ServiceHealth } from '../../src/health/verdict.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { print, printMemory, repeated, timed } from './meter.ts';
import { startBenchNode } from './node.ts';

const places = [
  'aws:us-east-1',
  'aws:eu-west-1',
  'aws:ap-south-1',
  'aws:us-west-2',
  'aws:sa-east-1',
];

/** Measures services in many regions, and a region that goes down for all of them. */
export async function measureServices(services: number, regions: number): Promise<void> {
  const writes: ObjectWrite[] = [];
  for (let region = 0; region < regions; region += 1) {
    const body = JSON.stringify({ place: places[region % places.length] });
    writes.push({ kind: 'region', id: `r${region}`, body });
  }
  const addresses = new Map<string, string[]>();
  for (let index = 0; index < services; index += 1) {
    const members: Record<string, unknown> = {};
    const own: string[] = [];
    for (let region = 0; region < regions; region += 1) {
      const address = `10.${region}.${index >> 8}.${index & 255}`;
      own.push(address);
      members[`r${region}`] = { a: [address], weight: 1 + (region % 3) };
    }
    addresses.set(`s${index}`, own);
    const body = JSON.stringify({ ttl: 30, members, policy: policyOf(index, regions) });
    writes.push({ kind: 'service', id: `s${index}`, body });
  }

  let down = -1;
  const health = (service: string): ServiceHealth => {
    const map = new Map<string, MemberHealth>();
    for (const [region, address] of (addresses.get(service) ?? []).entries()) {
      const verdict = region === down ? 'down' : 'up';
      map.set(`r${region}`, { vips: new Map([[address, verdict]]), ramp: 1 });
    }
    return map;
  };
  const store = new MemoryStore();
  const { controller, images, dataPlane, published } = await startBenchNode(store, health);
  await timed('apply as one change', () =>
    controller.apply(writes, { actor: 'bench', summary: 'services' }),
  );
  print('image', published() / 1e6, 'MB');
  printMemory('after the start');
  const names = [...addresses.keys()];
  const healths = await timed('make the health maps (not counted below)', () => {
    const all = new Map(names.map((name) => [name, health(name)]));
    return all.size;
  });
  print('services', healths, '');
  let compileMs = 0;
  await repeated('a region of all services turns, until served', 6, async (turn) => {
    down = turn % 2 === 0 ? turn % regions : -1;
    const start = performance.now();
    const update = images.recompileServices(names);
    compileMs = performance.now() - start;
    await dataPlane.publish(update);
  });
  print('of which compiling, last', compileMs, 'ms');
  for (const kind of [0, 1, 2, 3]) {
    const some = names.filter((_, index) => index % 4 === kind);
    await repeated(`${kindNames[kind]} only, ${some.length} services`, 3, (turn) => {
      down = turn % 2;
      return dataPlane.publish(images.recompileServices(some));
    });
  }
  const body = JSON.stringify({ place: 'aws:us-east-1', dial: 50 });
  await repeated('one region changes its dial', 2, (turn) =>
    controller.apply([{ kind: 'region', id: `r${turn}`, body }], {
      actor: 'bench',
      summary: 'dial',
    }),
  );
  printMemory('after all');
  await dataPlane.close();
}

const kindNames = ['weighted', 'failover', 'geo', 'nearest'];

function policyOf(index: number, regions: number): unknown {
  const names = Array.from({ length: regions }, (_, region) => `r${region}`);
  switch (index % 4) {
    case 0:
      return { weighted: 'all' };
    case 1:
      return { failover: names };
    case 2:
      return {
        geo: [
          { match: { continent: ['EU'] }, use: { failover: names.slice(0, 5) } },
          { match: { continent: ['AS'] }, use: { weighted: names.slice(0, 5) } },
        ],
        else: { roundRobin: 'all' },
      };
    default:
      return { nearest: 'all' };
  }
}
