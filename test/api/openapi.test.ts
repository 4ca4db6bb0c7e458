import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { clusterView } from './cluster-view.ts';
import { type Harness, startHarness } from './harness.ts';

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: object;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security: readonly Record<string, unknown>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<
    string,
    { description: string; content?: Record<string, { schema: object }> }
  >;
}
interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, object>;
    readonly securitySchemes: Record<string, object>;
  };
}

describe('the OpenAPI document', () => {
  let harness: Harness;
  let document: Document;
  before(async () => {
    harness = await startHarness({
      selfCheck: async () => ({ answers: true, reasons: [] }),
      cluster: clusterView(),
    });
    document = (await harness.api.inject('/docs/json')).json();
  });
  after(() => harness.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        name: `${method} ${path}`,
        path,
        method,
        operation,
      })),
    );

  test('is OpenAPI 3.1 with title and version', () => {
    assert.match(document.openapi, /^3\.1\.\d+$/);
    assert.equal(document.info.title, 'Meridian');
    assert.equal(document.info.version, '0.0.0-test');
  });

  test('has every path that the API is to have', () => {
    const paths = [
      'zones',
      'zones/{zone}',
      'zones/{zone}/rrsets',
      'zones/{zone}/rrsets/{name}/{type}',
      'regions',
      'regions/{id}',
      'monitors/{id}',
      'services/{id}',
      'services/{service}/policy',
      'services/{service}/members/{member}',
      'networks/{id}',
      'agents',
      'agents/{id}',
      'agents/{id}/boots',
      'agents/{id}/plan',
      'agents/{id}/reports',
      'health',
      'health/{service}',
      'health/{service}/{member}',
      'health-events',
      'measurements',
      'load',
      'changes',
      'revisions',
      'revisions/{number}',
      'revisions/{from}/diff/{to}',
      'revisions/{number}/rollback',
      'audit',
      'tokens',
      'tokens/{id}',
      'explain',
      'simulations',
      'events',
    ];
    for (const path of paths) assert.ok(document.paths[`/v1/${path}`], path);
  });

  test('gives every operation a summary, a known tag, a unique id and its security', () => {
    const known = new Set(document.tags.map(({ name }) => name));
    const ids = new Set<string>();
    for (const { name, path, operation } of operations()) {
      assert.ok(operation.summary.length > 5, name);
      assert.ok(operation.tags.length > 0 && operation.tags.every((tag) => known.has(tag)), name);
      assert.match(operation.operationId, /^[a-z][A-Za-z]+$/, name);
      assert.ok(!ids.has(operation.operationId), operation.operationId);
      ids.add(operation.operationId);
      const isForAgents = /\/agents\/\{id\}\/(boots|plan|reports)$/.test(path);
      const scheme = isForAgents ? { agent: [] } : { bearer: [] };
      const expected = ['/livez', '/readyz', '/anycast'].includes(path) ? [] : [scheme];
      assert.deepEqual(operation.security, expected, name);
    }
    assert.ok(document.components.securitySchemes['bearer']);
  });

  test('declares exactly the parameters that a path has', () => {
    for (const { name, path, operation } of operations()) {
      const inPath = [...path.matchAll(/\{([^}]+)\}/g)].map(([, parameter]) => parameter).sort();
      const declared = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'path')
        .map((parameter) => {
          assert.equal(parameter.required, true, name);
          return parameter.name;
        })
        .sort();
      assert.deepEqual(declared, inPath, name);
    }
  });

  test('describes success and problems of every operation', () => {
    for (const { name, operation } of operations()) {
      const statuses = Object.keys(operation.responses);
      assert.ok(
        statuses.some((status) => status.startsWith('2')),
        name,
      );
      for (const status of statuses) {
        assert.match(status, /^([1-5]\d\d|[1-5]XX|default)$/, name);
        assert.ok(operation.responses[status]?.description, `${name} ${status}`);
      }
      for (const status of ['4XX', '5XX']) {
        const content = operation.responses[status]?.content ?? {};
        assert.deepEqual(Object.keys(content), ['application/problem+json'], name);
      }
    }
  });

  test('gives every write a body, its preconditions and its dry run', () => {
    for (const { name, method, path, operation } of operations()) {
      if (method === 'put' || method === 'patch') assert.ok(operation.requestBody, name);
      const isChange =
        method !== 'get' && /^\/v1\/(zones|regions|monitors|services|networks)/.test(path);
      if (!isChange) continue;
      const names = (operation.parameters ?? []).map((parameter) => parameter.name);
      for (const wanted of ['dryRun', 'if-match', 'if-none-match', 'idempotency-key']) {
        assert.ok(names.includes(wanted), `${name}: ${wanted}`);
      }
    }
  });

  test('takes merge patches as such', () => {
    const { requestBody } = document.paths['/v1/regions/{id}']?.['patch'] ?? {};
    assert.deepEqual(Object.keys(requestBody?.content ?? {}).sort(), [
      'application/json',
      'application/merge-patch+json',
    ]);
  });

  test('has every schema that it refers to, and uses every schema that it has', () => {
    const used = new Set<string>();
    const visit = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return;
      for (const [key, child] of Object.entries(value)) {
        if (key === '$ref') used.add(String(child));
        else visit(child);
      }
    };
    visit(document);
    for (const reference of used) {
      const name = /^#\/components\/schemas\/(\w+)$/.exec(reference)?.[1];
      assert.ok(name !== undefined && document.components.schemas[name], reference);
    }
    for (const name of Object.keys(document.components.schemas)) {
      assert.ok(used.has(`#/components/schemas/${name}`), `${name} is not used`);
    }
  });

  test('is the same as YAML', async () => {
    const yaml = await harness.api.inject('/docs/yaml');
    assert.equal(yaml.statusCode, 200);
    const { parse } = await import('yaml');
    assert.deepEqual(parse(yaml.body), document);
  });
});
