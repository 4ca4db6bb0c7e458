import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { regionOf } from '../../control/parse-agent.ts';
import { spendOnce, tokenSpentOn } from '../../control/token-changes.ts';
import { enrollOnceScope, enrollScope, hasSecret } from '../../control/tokens.ts';
import { embeddedAgent } from '../../health/report.ts';
import { bearerSecret, refuseToken } from '../access.ts';
import { answerFor } from '../agent-views.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import type { JsonObject } from '../merge-patch.ts';
import {
  component,
  describeRoute,
  writeAnswers,
  writeHeaders,
  writeQuery,
} from '../route-schema.ts';
import { answerWrite, changeOf, isDryRun, readBody, replaceObjects } from '../write-object.ts';

const tags = ['agents'];

/** Registers `POST /agents`, by which an agent becomes one of the fleet. */
export function enrolRoute(app: ApiInstance, context: ApiContext): void {
  app.post(
    '/agents',
    {
      config: { access: 'enroll', knowsSpentTokens: true },
      schema: describeRoute({
        summary: 'Enrol an agent',
        description:
          'Needs a token of the scope `agent:enroll`, or `agent:enroll:once`, which is used up by it. ' +
          'The same name and key again are no error, also with the token that was used up by them: ' +
          'an agent that did not get the answer asks again.',
        tags,
        body: Type.Object(
          {
            name: Type.Optional(
              Type.String({ description: 'Default: from the region and the key.' }),
            ),
            location: Type.String({ description: 'As aws:eu-west-1, or "52.5,13.4".' }),
            region: Type.Optional(Type.String({ description: 'Default: from the location.' })),
            publicKey: Type.String({ description: 'Ed25519, 32 octets in base64url.' }),
          },
          { additionalProperties: false },
        ),
        querystring: writeQuery,
        headers: writeHeaders,
        answers: writeAnswers(component('Agent'), { creates: true }),
      }),
    },
    async (request, reply) => {
      const { name, ...agent } = request.body;
      const id = name ?? nameFor(regionOf(agent.region ?? agent.location), agent.publicKey);
      if (id === embeddedAgent.agent) throw embedded();
      const target = { kind: 'agent', id } as const;
      const before = () => readBody(context, target) as JsonObject | undefined;
      if (request.identity === undefined) {
        const spent = isOf(before(), agent) ? tokenSpentOn(context.controller, id) : undefined;
        const secret = bearerSecret(request);
        if (spent === undefined || secret === undefined || !hasSecret(spent, secret)) {
          throw refuseToken(context, request, reply);
        }
        const { revision } = context.controller.configuration();
        const asBefore = { revision, changes: [], warnings: [] };
        return answerWrite(context, request, reply, asBefore, answerFor(context, id));
      }
      const onceToken = onceTokenOf(request);
      const result = await replaceObjects(context, request, target, (current) => {
        const old = before();
        if (old !== undefined && !isOf(old, agent)) throw taken(id);
        // The same came twice at a time, as when the first answer is late.
        const isAgain = onceToken !== undefined && isOf(old, agent);
        if (isAgain && tokenSpentOn(context.controller, id)?.id === onceToken) return [];
        const spent = onceToken === undefined ? [] : spendOnce(current, onceToken);
        return [{ ...target, body: JSON.stringify({ ...old, ...agent }) }, ...spent];
      });
      if (changeOf(result, target)?.before === null && !isDryRun(request)) {
        context.log.info({ agent: id, location: agent.location }, `agent ${id} was enrolled`);
      }
      return answerWrite(context, request, reply, result, answerFor(context, id));
    },
  );
}

/** The name of an agent that does not ask for one: of a key always the same, so that it gets it again. */
function nameFor(region: string, publicKey: string): string {
  const mark = createHash('sha256').update(publicKey).digest('hex').slice(0, 8);
  return `${region.slice(0, 50)}-${mark}`;
}

/** True for the body of an agent that has the key of a wish. */
function isOf(
  body: JsonObject | undefined,
  { publicKey }: { readonly publicKey: string },
): boolean {
  return body?.['publicKey'] === publicKey;
}

/** The id of a request's token, where that is for one enrolment and lets nobody do more. */
function onceTokenOf({ identity }: FastifyRequest): string | undefined {
  if (identity?.scopes.includes(enrollOnceScope) !== true) return undefined;
  const mayMore = identity.scopes.some((scope) => ['admin', 'write', enrollScope].includes(scope));
  return mayMore ? undefined : identity.id;
}

/** Reports under its name would count instead of the node's own. */
function embedded(): MeridianError {
  const message = `"${embeddedAgent.agent}" is the agent inside each node; choose another name`;
  return new MeridianError({ code: 'E_NAME_INVALID', message, where: '/name' });
}

function taken(id: string): MeridianError {
  const message = `an agent "${id}" is enrolled with another key; choose another name, or remove that one first`;
  return new MeridianError({ code: 'E_CONFLICT', message, where: '/name' });
}
