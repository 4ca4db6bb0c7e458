import assert from 'node:assert/strict';
import type { LightMyRequestResponse } from 'fastify';
import type { ApiInstance, ApiOptions } from '../../src/api/api-context.ts';
import { createApi } from '../../src/api/create-api.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Problem } from '../../src/base/errors.ts';
import type { Log } from '../../src/base/log.ts';
import { ImagePublishing } from '../../src/cli/image-publishing.ts';
import { AgentDesk } from '../../src/control/agent-desk.ts';
import { createHealthControl, type HealthControl } from '../../src/control/apply-health.ts';
import { ImageCompiler } from '../../src/control/compile-image.ts';
import { createController, type RunningController } from '../../src/control/create-controller.ts';
import { explain } from '../../src/control/explain.ts';
import { emptyConfiguration } from '../../src/control/load-configuration.ts';
import type { ReplicatedRevision } from '../../src/control/replication.ts';
import { type MadeToken, makeToken } from '../../src/control/token-changes.ts';
import { Tokens, type TokenWish } from '../../src/control/tokens.ts';
import { openGeoSources } from '../../src/geo/geo-sources.ts';
import type { ReportName } from '../../src/health/report.ts';
import { LatencyTable } from '../../src/latency/latency-table.ts';
import { simulate } from '../../src/simulate/simulate.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { putAdmin } from '../control/put-admin.ts';
import { checkAnswer } from './check-answer.ts';

/** The admin API on the real control plane with a store in memory and a clock that stands still. */
export interface Harness {
  readonly api: ApiInstance;
  readonly controller: RunningController;
  readonly clock: VirtualClock;
  readonly tokens: Tokens;
  readonly health: HealthControl;
  readonly desk: AgentDesk;
  /** Reports that came from agents themselves, and whether nobody had passed them on before. */
  readonly heard: { readonly name: ReportName; readonly isNews: boolean }[];
  /** A token that may do everything. */
  readonly admin: string;
  /** A revision as a cluster passes it on. */
  replicated(revision: number): ReplicatedRevision;
  /** Makes a token, as a request would. */
  makeToken(wish: TokenWish): Promise<MadeToken>;
  /** What the API logged. */
  readonly logged: { readonly level: string; readonly message: string; readonly fields: object }[];
  /** Sends a request as admin and checks the answer against the schema that the document gives it. */
  call(method: Method, url: string, options?: CallOptions): Promise<LightMyRequestResponse>;
  close(): Promise<void>;
}

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS';

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Another token than the admin's; null for none. */
  readonly token?: string | null;
}

/** Builds everything; `options` replace parts of the API's own. */
export async function startHarness(options: Partial<ApiOptions> = {}): Promise<Harness> {
  const clock = new VirtualClock();
  const logged: { level: string; message: string; fields: object }[] = [];
  const note = (level: string) => (fields: object, message: string) =>
    void logged.push({ level, message, fields });
  const log: Log = {
    debug: note('debug'),
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
  };
  const store = new MemoryStore(() => clock.epochMs());
  const admin = putAdmin(store, 'root');
  const tokens = new Tokens(store, clock);
  const geo = await openGeoSources([]);
  const health = createHealthControl({ clock, log, onServicesChanged: () => {} });
  const heard: { name: ReportName; isNews: boolean }[] = [];
  const desk = new AgentDesk({
    ...{ clock, log },
    receive: (report) => health.receive(report),
    heard: ({ agent, boot, sequence }, bytes) => {
      heard.push({ name: { agent, boot, sequence }, isNews: bytes !== undefined });
    },
  });
  const latency = new LatencyTable({
    clock,
    coordinatesOf: (region) => controller.configuration().traffic.regions.get(region)?.coordinates,
  });
  const images = new ImageCompiler(
    {
      geo: () => geo,
      health: (service) => health.health(service),
      estimate: latency.estimate,
      measured: () => latency.measuredKeys(),
    },
    emptyConfiguration,
  );
  const publish = async () => {};
  const publishing = new ImagePublishing({ images, dataPlane: { publish }, latency, clock, log });
  const controller: RunningController = await createController({
    store,
    clock,
    log,
    compile: (next) => images.prepare(next),
    publish,
    stored: (next) => {
      tokens.follow(next);
      health.setTraffic(next.traffic);
      desk.setTraffic(health.plan(), next.traffic);
    },
    health,
    explain: (question) =>
      explain(
        {
          images,
          geo: () => geo,
          health: (service) => health.health(service),
          estimate: latency.estimate,
          blend: latency.blend,
        },
        question,
      ),
    measure: (samples, source) => publishing.measure(samples, source),
    reportLoad: (samples) => health.reportLoad(samples),
  });
  const api = createApi({
    controller,
    tokens,
    agents: desk,
    log,
    clock,
    version: '0.0.0-test',
    metrics: () => '# HELP meridian_up 1\nmeridian_up 1\n',
    ready: () => ({ ready: true, reasons: [] }),
    simulate: async (request) =>
      simulate(request, {
        configuration: () => controller.configuration(),
        health: (service) => health.health(service),
        estimate: latency.estimate,
        distinctions: () => undefined,
        detail: () => 'country',
        population: [
          {
            name: 'Paris',
            country: 'FR',
            coordinates: { latitude: 48.9, longitude: 2.3 },
            inhabitants: 2_000_000,
            city: true,
          },
        ],
      }),
    ...options,
  });
  return {
    api,
    controller,
    clock,
    tokens,
    health,
    ...{ desk, heard },
    admin,
    replicated: (revision) => store.replicated(revision) ?? assert.fail(`no revision ${revision}`),
    makeToken: (wish) => makeToken(controller, tokens, wish, { actor: 'test', summary: 'token' }),
    logged,
    async call(method, url, { body, headers = {}, token = admin } = {}) {
      const response = await api.inject({
        method,
        url,
        headers: {
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined || headers['content-type'] !== undefined
            ? {}
            : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      checkAnswer(api, method, url, response);
      return response;
    },
    async close() {
      desk.close();
      await api.close();
      await controller.close();
      publishing.close();
      health.close();
    },
  };
}

/** The zone that most tests begin with. */
export const exampleZone = `$ORIGIN example.com.
$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 300
@    NS  ns1
ns1  A   192.0.2.53
www  30 STEER web
mail A   192.0.2.25
`;

/** Two regions and a service in both. */
export async function fillExample({ call }: Harness): Promise<void> {
  const steps: [Method, string, unknown][] = [
    ['PUT', '/v1/regions/us-east', { place: 'aws:us-east-1' }],
    ['PUT', '/v1/regions/eu-west', { place: 'aws:eu-west-1' }],
    ['PUT', '/v1/monitors/https', { type: 'https', path: '/health' }],
    [
      'PUT',
      '/v1/services/web',
      {
        monitors: ['https'],
        members: {
          'us-east': { a: ['192.0.2.10'], weight: 3 },
          'eu-west': { a: ['198.51.100.10'], aaaa: ['2001:db8:2::10'] },
        },
        policy: { weighted: 'all' },
      },
    ],
  ];
  for (const [method, url, body] of steps) {
    const response = await call(method, url, { body });
    assert.equal(response.statusCode, 201, response.body);
  }
  const zone = await call('PUT', '/v1/zones/example.com', {
    body: exampleZone,
    headers: { 'content-type': 'text/dns' },
  });
  assert.equal(zone.statusCode, 201, zone.body);
}

/** The problem of an answer, after checking that it is one. */
export function problemOf(response: LightMyRequestResponse): {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly title: string;
  readonly type: string;
  readonly errors: readonly Problem[];
} {
  assert.equal(response.headers['content-type'], 'application/problem+json; charset=utf-8');
  const problem = response.json();
  assert.equal(problem.status, response.statusCode);
  return problem;
}
