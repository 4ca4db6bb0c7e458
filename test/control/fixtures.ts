import assert from 'node:assert/strict';
import { VirtualClock } from '../../src/base/clock.ts';
import { MeridianError, type Problem } from '../../src/base/errors.ts';
import type { Log } from '../../src/base/log.ts';
import type { ObjectKind, ObjectWrite } from '../../src/control/change.ts';
import type { Configuration, HealthView } from '../../src/control/controller.ts';
import {
  type ControllerParts,
  createController,
  type RunningController,
} from '../../src/control/create-controller.ts';
import { Findings } from '../../src/control/findings.ts';
import type { ImageUpdate } from '../../src/image/image-update.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import type { Store } from '../../src/store/store.ts';

/** Runs a reader and gives back its result with every problem as `where: message (CODE)`. */
export function reading<T>(read: (findings: Findings) => T): {
  result: T;
  codes: string[];
  problems: readonly Problem[];
} {
  const findings = new Findings();
  const result = read(findings);
  const codes = findings.problems.map(({ code, where }) => `${where} ${code}`);
  return { result, codes, problems: findings.problems };
}

/** Every message of ours names a remedy after a semicolon, or asks a question. */
export function assertRemedies(problems: readonly Problem[]): void {
  for (const { message } of problems) assert.match(message, /;|\?/, message);
}

/** A controller over real parts but for the data plane, which only notes what it is given. */
export interface Bench {
  readonly controller: RunningController;
  readonly store: Store;
  readonly clock: VirtualClock;
  readonly published: ImageUpdate[];
  readonly compiled: Configuration[];
  readonly errors: string[];
  /** Set to make publishing or compiling fail. */
  readonly faults: { publish?: Error | undefined; compile?: Error | undefined };
}

const noHealth: HealthView = {
  service: () => undefined,
  targets: () => [],
  events: () => [],
  agentRegions: () => [],
};

export async function openBench(
  more: Partial<ControllerParts> & { clock?: VirtualClock } = {},
): Promise<Bench> {
  const clock = more.clock ?? new VirtualClock();
  const store = more.store ?? new MemoryStore(() => clock.epochMs());
  const published: ImageUpdate[] = [];
  const compiled: Configuration[] = [];
  const errors: string[] = [];
  const faults: Bench['faults'] = {};
  const log: Log = {
    debug() {},
    info() {},
    warn() {},
    error: (_, message) => errors.push(message),
  };
  const controller = await createController({
    store,
    log,
    compile(next) {
      if (faults.compile !== undefined) throw faults.compile;
      compiled.push(next);
      const { revision } = next;
      return { accept: () => ({ epoch: revision, revision, zones: [], services: [], maps: [] }) };
    },
    async publish(update) {
      if (faults.publish !== undefined) throw faults.publish;
      published.push(update);
    },
    health: noHealth,
    explain: () => assert.fail('not asked'),
    measure: () => ({ accepted: 0, problems: [] }),
    reportLoad: () => ({ accepted: 0, problems: [] }),
    ...more,
    clock,
  });
  return { controller, store, clock, published, compiled, errors, faults };
}

export const by = { actor: 'tester', summary: 'test' };

export function put(kind: ObjectKind, id: string, body: unknown): ObjectWrite {
  return { kind, id, body: body === null ? null : JSON.stringify(body) };
}

export const berlin = { latitude: 52.5, longitude: 13.4 };
export const osaka = { latitude: 34.7, longitude: 135.5 };

/** Two regions, a monitor, a service and a zone that hands its www to it. */
export function exampleWrites(): ObjectWrite[] {
  return [
    put('region', 'eu', berlin),
    put('region', 'asia', { ...osaka, dial: 50 }),
    put('monitor', 'port', { type: 'tcp', port: 443 }),
    put('service', 'web', {
      monitors: ['port'],
      members: { eu: { a: ['192.0.2.1'] }, asia: { a: ['192.0.2.2'], weight: 2 } },
      policy: { latency: 'all' },
    }),
    put('zone', 'example.com.', {}),
    put('rrset', 'example.com./example.com./SOA', {
      ttl: 3600,
      values: ['ns1.example.com. hostmaster.example.com. 5 7200 900 1209600 300'],
    }),
    put('rrset', 'example.com./example.com./NS', { ttl: 3600, values: ['ns1.example.com.'] }),
    put('rrset', 'example.com./ns1.example.com./A', { ttl: 3600, values: ['192.0.2.53'] }),
    put('rrset', 'example.com./www.example.com./STEER', { steer: 'web' }),
  ];
}

/** The serial that a zone of the configuration is at. */
export function serialOf(controller: RunningController, origin = 'example.com.'): number {
  const body = controller.body('rrset', `${origin}/${origin}/SOA`);
  assert.ok(body !== undefined);
  return Number((JSON.parse(body) as { values: string[] }).values[0]?.split(' ')[2]);
}

/** The codes of the error that a promise rejects with. */
export async function codesOf(promise: Promise<unknown>): Promise<string[]> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof MeridianError, String(error));
    return error.problems.map(({ code }) => code);
  }
  return assert.fail('it was accepted');
}
