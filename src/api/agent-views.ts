import { regionOf } from '../control/parse-agent.ts';
import type { ApiContext } from './api-context.ts';
import type { Json, JsonObject } from './merge-patch.ts';
import { segment } from './names-in-paths.ts';
import { notFound, readBody } from './write-object.ts';

/** An agent as the API shows it, with how it is; throws `E_NOT_FOUND`. */
export function viewAgent(context: ApiContext, id: string): object {
  const body = readBody(context, { kind: 'agent', id });
  if (body === undefined) throw notFound({ kind: 'agent', id });
  return viewBody(context, id, body);
}

function viewBody(context: ApiContext, id: string, body: Json): object {
  const form = body as JsonObject;
  const region = regionOf(String(form['location']));
  return { id, region, state: 'active', ...form, live: context.agents?.status(id) ?? null };
}

/** How a write of an agent is answered. */
export function answerFor(context: ApiContext, id: string) {
  return {
    target: { kind: 'agent', id } as const,
    location: `/v1/agents/${segment(id)}`,
    show: (body: Json) => viewBody(context, id, body),
  };
}
