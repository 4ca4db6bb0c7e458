import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { type ErrorCode, MeridianError, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { isJsonObject } from './merge-patch.ts';

const sources: Readonly<Record<string, string>> = {
  querystring: 'query parameter',
  params: 'path parameter',
  headers: 'header',
};

const formCodes: Readonly<Record<string, ErrorCode>> = {
  required: 'E_FORM_MISSING',
  boolean: 'E_FORM_UNKNOWN_KEY',
  type: 'E_FORM_TYPE',
  minimum: 'E_FORM_RANGE',
  maximum: 'E_FORM_RANGE',
  minItems: 'E_FORM_RANGE',
  maxItems: 'E_FORM_RANGE',
  minLength: 'E_FORM_RANGE',
  maxLength: 'E_FORM_RANGE',
};

/**
 * Compiles a route's schemas. Query and path parameters arrive as text and are turned into what
 * their schema says; bodies are taken as they are. Every misfitting place is one problem with the
 * value that stands there: `E_QUERY` outside bodies, `E_FORM_…` in them.
 */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  // Objects of the configuration are judged by the control plane alone: it knows all the rules.
  // Fastify shows a missing body as null.
  if ('$ref' in schema) {
    return (value: unknown) =>
      (value ?? null) === null ? { error: refusal([missingBody]) } : { value };
  }
  const validator = Compile(schema);
  const isBody = httpPart === 'body';
  const isText = isBody || isTextOnly(schema);
  return (data: unknown) => {
    // Flat objects, of texts and lists of them.
    const value = isText ? data : validator.Convert({ ...(data as object) });
    if (validator.Check(value)) return { value };
    const problems = mostTelling(validator.Errors(value)).map((error) =>
      toProblem(error, value, isBody ? 'body' : (httpPart ?? 'params')),
    );
    return { error: refusal(problems.slice(0, limits.problemsPerAnswer)) };
  };
};

/** True where every member of the schema's objects is to be a text, as it arrives. */
function isTextOnly(schema: TSchema): boolean {
  const { properties = {} } = schema as {
    properties?: Readonly<Record<string, { type?: string }>>;
  };
  return Object.values(properties).every(({ type }) => type === 'string');
}

/** What is wrong when a body should be there and is not. */
export const missingBody: Problem = {
  code: 'E_FORM_MISSING',
  message: 'the body is empty; send the object, and its Content-Type',
  where: '/',
};

/** Fastify writes into the errors of validators, so that ours travels inside one. */
function refusal(problems: readonly Problem[]): Error {
  return new Error('the request does not fit its schema', { cause: new MeridianError(problems) });
}

interface SchemaError {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

/**
 * One error per place: an unknown member is reported by its own name, and of the many branches of a
 * union that did not fit only the union's own error is kept, with the choices that it has.
 */
function mostTelling(errors: readonly SchemaError[]): SchemaError[] {
  const byPath = new Map<string, SchemaError>();
  for (const error of errors) {
    if (error.keyword === 'additionalProperties') continue;
    const known = byPath.get(error.instancePath);
    if (known === undefined) {
      byPath.set(error.instancePath, error);
      continue;
    }
    const choices = [...choicesOf(known), ...choicesOf(error)];
    byPath.set(error.instancePath, {
      ...error,
      message: choices.length > 0 ? `must be one of ${choices.join(', ')}` : known.message,
      params: { allowedValues: choices },
    });
  }
  return [...byPath.values()];
}

function choicesOf(error: SchemaError): string[] {
  const { allowedValue, allowedValues } = error.params as {
    allowedValue?: unknown;
    allowedValues?: readonly unknown[];
  };
  if (allowedValues !== undefined) return allowedValues.map(String);
  return allowedValue === undefined ? [] : [String(allowedValue)];
}

function toProblem(error: SchemaError, root: unknown, part: string): Problem {
  const isBody = part === 'body';
  const source = sources[part] ?? part;
  const name = error.instancePath.slice(1);
  const missing = (error.params as { requiredProperties?: readonly string[] }).requiredProperties;
  const code = isBody ? (formCodes[error.keyword] ?? 'E_FORM_VALUE') : 'E_QUERY';
  if (missing !== undefined) {
    const names = missing.map((each) => JSON.stringify(each)).join(', ');
    const where = isBody ? { where: error.instancePath || '/' } : {};
    return { code, message: `${isBody ? 'member' : source} ${names} is missing; add it`, ...where };
  }
  if (root === undefined || root === null) {
    return missingBody;
  }
  const found = valueAt(root, error.instancePath);
  const shown = (JSON.stringify(found) ?? 'undefined').slice(0, 120);
  const what =
    error.keyword === 'boolean'
      ? 'is not known here; remove it or see /docs for the names'
      : `${error.message}, not ${shown}`;
  const last = JSON.stringify(error.instancePath.split('/').at(-1) ?? '');
  const bodySubject = error.keyword === 'boolean' ? `member ${last}` : 'the value';
  const subject = isBody ? bodySubject : `${source} ${JSON.stringify(name)}`;
  const wheres: Record<string, string> = {
    body: error.instancePath || '/',
    querystring: `?${name}`,
  };
  return { code, message: `${subject} ${what}`, where: wheres[part] ?? name };
}

function valueAt(root: unknown, pointer: string): unknown {
  let value = root;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(value)) value = value[Number(key)];
    else value = isJsonObject(value) ? value[key] : undefined;
  }
  return value;
}
