import assert from 'node:assert/strict';
import type { LightMyRequestResponse } from 'fastify';
import { Compile } from 'typebox/schema';
import type { ApiInstance } from '../../src/api/api-context.ts';

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: object }>>;
type Check = (value: unknown) => string | undefined;

const known = new WeakMap<object, Map<string, Check>>();

/**
 * Fails when an answer is not what the OpenAPI document promises for its route and status: so every
 * test of a route is one of its documentation as well.
 */
export function checkAnswer(
  api: ApiInstance,
  method: string,
  url: string,
  response: LightMyRequestResponse,
): void {
  const path = new URL(url, 'http://localhost').pathname;
  if (!path.startsWith('/v1') || method === 'HEAD' || response.statusCode === 304) return;
  const operation = operationAt(api, method, path);
  // Without an operation there is nothing but a problem: 401, 404, 405.
  if (operation === undefined) {
    assert.ok(response.statusCode >= 400, `${method} ${path} is not in the document`);
    return;
  }
  const { statusCode } = response;
  const promised =
    operation.responses[String(statusCode)] ?? operation.responses[`${String(statusCode)[0]}XX`];
  const told = `${method} ${path} answered ${statusCode}`;
  assert.ok(promised, `${told}, which the document does not have`);
  if (promised.content === undefined) {
    assert.equal(response.body, '', `${told} with a body`);
    return;
  }
  const type = String(response.headers['content-type']).split(';')[0] ?? '';
  const media = promised.content[type];
  assert.ok(media, `${told} with ${type}, which the document does not have`);
  if (!type.endsWith('json')) return;
  const fault = checkOf(api, media.schema)(response.json());
  assert.equal(fault, undefined, `${told} with ${response.body.slice(0, 2000)}`);
}

function operationAt(api: ApiInstance, method: string, path: string): Operation | undefined {
  const { paths } = api.swagger() as unknown as {
    paths?: Record<string, Record<string, Operation>>;
  };
  const matching = Object.keys(paths ?? {})
    .filter((template) => toPattern(template).test(path))
    // A literal segment comes before a parameter, as in the router.
    .sort((a, b) => a.split('{').length - b.split('{').length);
  return paths?.[matching[0] ?? '']?.[method.toLowerCase()];
}

function toPattern(template: string): RegExp {
  const literal = template.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replace(/\{[^}]+\}/g, '[^/]+').replace(/\/$/, '/?')}$`);
}

function checkOf(api: ApiInstance, schema: object): Check {
  const checks = known.get(api) ?? new Map<string, Check>();
  known.set(api, checks);
  const key = JSON.stringify(schema);
  const before = checks.get(key);
  if (before !== undefined) return before;
  const { components } = api.swagger() as { components?: object };
  const validator = Compile({ ...schema, components });
  const check: Check = (value) =>
    validator.Check(value) ? undefined : JSON.stringify(validator.Errors(value));
  checks.set(key, check);
  return check;
}
