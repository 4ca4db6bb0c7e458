import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createApi } from '../../src/api/create-api.ts';
import { listenApi } from '../../src/api/listen-api.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { registerApply } from '../../src/cli/apply.ts';
import { registerCheck } from '../../src/cli/check.ts';
import { registerClusterKey } from '../../src/cli/cluster-key.ts';
import { registerDoctor } from '../../src/cli/doctor.ts';
import { registerExplain } from '../../src/cli/explain.ts';
import { registerExport } from '../../src/cli/export.ts';
import { ImagePublishing } from '../../src/cli/image-publishing.ts';
import { createProgram, runProgram, type Terminal } from '../../src/cli/program.ts';
import { registerSimulate } from '../../src/cli/simulate.ts';
import { createHealthControl } from '../../src/control/apply-health.ts';
import { ImageCompiler } from '../../src/control/compile-image.ts';
import { createController, type RunningController } from '../../src/control/create-controller.ts';
import { explain } from '../../src/control/explain.ts';
import { emptyConfiguration } from '../../src/control/load-configuration.ts';
import { Tokens } from '../../src/control/tokens.ts';
import { openGeoSources, withOverrides } from '../../src/geo/geo-sources.ts';
import type { PopulatedPlace } from '../../src/geo/population.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { distinctionsOf } from '../../src/policy/distinctions.ts';
import type { NetworkOverride } from '../../src/policy/traffic.ts';
import { type SimulationParts, simulate } from '../../src/simulate/simulate.ts';
import { trafficShift } from '../../src/simulate/traffic-shift.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { putAdmin } from '../control/put-admin.ts';

type Test = { after(callback: () => void | Promise<void>): void };

/** What a command printed and ended with. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process. */
export async function run(argv: readonly string[], more: Partial<Terminal> = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const terminal: Terminal = {
    ...more,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  };
  const program = createProgram('0.0.0-test', terminal);
  registerApply(program, terminal);
  registerCheck(program, terminal);
  registerClusterKey(program, terminal);
  registerDoctor(program, terminal);
  registerExplain(program, terminal);
  registerExport(program, terminal);
  registerSimulate(program, terminal);
  const code = await runProgram(program, argv, terminal);
  return { code, out, err };
}

/** A folder that goes away with the test, filled with files. */
export function folderOf(t: Test, files: Readonly<Record<string, string>> = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

/** A node's API on a port of its own, over the real control plane with a store in memory. */
export interface Node {
  readonly url: string;
  readonly controller: RunningController;
  readonly clock: VirtualClock;
  readonly token: string;
  /** Runs a command with `--url` and `--token` of this node. */
  run(argv: readonly string[], more?: Partial<Terminal>): Promise<Outcome>;
}

/** Two people in three live in Dublin. */
const population: readonly PopulatedPlace[] = [
  {
    name: 'Dublin',
    country: 'IE',
    city: true,
    coordinates: { latitude: 53.35, longitude: -6.26 },
    inhabitants: 2000,
  },
  {
    name: 'Mumbai',
    country: 'IN',
    city: true,
    coordinates: { latitude: 19.07, longitude: 72.88 },
    inhabitants: 1000,
  },
];

const log: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Starts a node; it ends with the test. */
export async function startNode(t: Test): Promise<Node> {
  const clock = new VirtualClock();
  const store = new MemoryStore(() => clock.epochMs());
  const token = putAdmin(store, 'test');
  const tokens = new Tokens(store, clock);
  const files = await openGeoSources([]);
  const geo = (networks: readonly NetworkOverride[]) => withOverrides(files, networks);
  const health = createHealthControl({ clock, log, onServicesChanged: () => {} });
  let controller: RunningController | undefined;
  const configuration = () => controller?.configuration() ?? emptyConfiguration;
  const latency = new LatencyTable({
    clock,
    coordinatesOf: (region) => configuration().traffic.regions.get(region)?.coordinates,
  });
  const { blend, estimate } = latency;
  const measuredKeys = () => latency.measuredKeys();
  const images = new ImageCompiler(
    {
      geo,
      health: (service) => health.health(service),
      estimate,
      measured: measuredKeys,
    },
    emptyConfiguration,
  );
  const simulation: SimulationParts = {
    configuration,
    health: (service) => health.health(service),
    estimate,
    distinctions: (name, { services, regions }) => {
      const service = services.get(name);
      return service && distinctionsOf(service, regions, measuredKeys());
    },
    detail: () => 'city',
    population,
  };
  const publish = async () => {};
  const publishing = new ImagePublishing({ images, dataPlane: { publish }, latency, clock, log });
  controller = await createController({
    store,
    clock,
    log,
    compile: (next) => images.prepare(next),
    publish,
    stored: (next) => {
      tokens.follow(next);
      health.setTraffic(next.traffic);
    },
    health,
    explain: (question) =>
      explain(
        { images, geo, health: (service) => health.health(service), estimate, blend },
        question,
      ),
    measure: (samples, source) => publishing.measure(samples, source),
    reportLoad: (samples) => health.reportLoad(samples),
    trafficShift: (before, after) => trafficShift(before, after, simulation),
  });
  const running = controller;
  const api = createApi({
    controller: running,
    tokens,
    log,
    clock,
    version: '0.0.0-test',
    metrics: () => '',
    ready: () => ({ ready: true, reasons: [] }),
    simulate: async (request) => simulate(request, simulation),
  });
  const { url } = await listenApi(api, { host: '127.0.0.1', port: 0 });
  t.after(async () => {
    await api.close();
    await running.close();
    publishing.close();
    health.close();
  });
  return {
    url,
    controller: running,
    clock,
    token,
    run: ([name = '', ...rest], more) => run([name, '--url', url, '--token', token, ...rest], more),
  };
}

/** A zone and a traffic file that fit together; comments show where lines are. */
export const exampleFolder: Readonly<Record<string, string>> = {
  'example.com.zone': `$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 300
@    NS  ns1
ns1  A   192.0.2.53
; handed to a service
www  30 STEER web
mail A   192.0.2.25
`,
  'traffic.yaml': `# two regions
regions:
  eu-west: { place: aws:eu-west-1 }
  ap-south: { place: aws:ap-south-1 }
services:
  web:
    members:
      eu-west: { a: [198.51.100.10], weight: 3, capacity: 12000 }
      ap-south: { a: [203.0.113.10], aaaa: ["2001:db8:3::10"], capacity: 6000 }
    policy: { latency: all }
`,
};
