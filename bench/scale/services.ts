import type { ObjectWrite } from '../../src/control/change.ts';
import type { MemberHealth, ServiceHealth } from '../../src/health/verdict.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { print, printMemory, repeated, threadCpuMs, timed } from './meter.ts';
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

  // As the fleet keeps it: of a service whose verdict turns the map and that member are made anew.
  let down = -1;
  const healths = new Map<string, ServiceHealth>();
  const turn = (region: number) => {
    for (const [service, own] of addresses) {
      const map = new Map<string, MemberHealth>(healths.get(service));
      for (const [at, address] of own.entries()) {
        if (map.size === regions && at !== down && at !== region) continue;
        const verdict = at === region ? 'down' : 'up';
        map.set(`r${at}`, { vips: new Map([[address, verdict]]), ramp: 1 });
      }
      healths.set(service, map);
    }
    down = region;
  };
  turn(-1);
  const health = (service: string): ServiceHealth => healths.get(service) ?? new Map();
  const store = new MemoryStore();
  const { controller, images, dataPlane, saved, published } = await startBenchNode(store, health);
  await timed('apply as one change', () =>
    controller.apply(writes, { actor: 'bench', summary: 'services' }),
  );
  print('image', published() / 1e6, 'MB');
  printMemory('after the start');
  const names = [...addresses.keys()];
  const flip = async (name: string, services: readonly string[], times: number) => {
    const spans: number[] = [];
    const compiling: number[] = [];
    const busy: number[] = [];
    for (let time = 0; time < times; time += 1) {
      turn(time % 2 === 0 ? time % regions : -1);
      const start = performance.now();
      const cpuBefore = threadCpuMs();
      const update = images.recompileServices(services);
      compiling.push(threadCpuMs() - cpuBefore);
      await saved.publish(update);
      spans.push(performance.now() - start);
      busy.push(threadCpuMs() - cpuBefore);
    }
    print(`${name}, until served, median of ${times}`, medianOf(spans), 'ms');
    print('  CPU of the main thread, median', medianOf(busy), 'ms');
    print('  of which compiling, median', medianOf(compiling), 'ms');
  };
  await flip(
    `a region turns for ${names.length} services`,
    names,
    Number(process.env['FLIPS'] ?? 9),
  );
  for (const [kind, kindName] of kindNames.entries()) {
    const some = names.filter((_, index) => index % 4 === kind);
    await flip(`${kindName} only, ${some.length} services`, some, 3);
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

function medianOf(values: number[]): number {
  return values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
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
