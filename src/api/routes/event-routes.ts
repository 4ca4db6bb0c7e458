import { Type } from 'typebox';
import { MeridianError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { stillValid } from '../access.ts';
import type { ApiContext, ApiInstance } from '../api-context.ts';
import { parsePosition } from '../live-events.ts';
import { mediaTypes } from '../media-types.ts';
import { describeRoute } from '../route-schema.ts';

/** Registers `/events`: revisions and changes of verdicts as they happen. */
export function eventRoutes(app: ApiInstance, context: ApiContext): void {
  const { streams } = context;
  app.addHook('preClose', async () => streams.close());
  app.get(
    '/events',
    {
      exposeHeadRoute: false,
      config: { access: 'read', produces: [mediaTypes.eventStream] },
      schema: describeRoute({
        summary: 'Follow revisions and health live',
        description:
          'Server-Sent Events: `revision` and `health` (and `cluster`, where there is one, when its ' +
          'leader, its bus or its members change), each with a JSON object, and comments in between. A reader that comes back with `Last-Event-ID` gets what it missed. A reader ' +
          'that does not keep up is disconnected.',
        tags: ['events'],
        headers: Type.Object({
          'last-event-id': Type.Optional(
            Type.String({ description: 'The id of the last event seen.' }),
          ),
        }),
        answers: {
          200: {
            description: 'Events without end.',
            content: { [mediaTypes.eventStream]: Type.String() },
          },
        },
      }),
    },
    (request, reply) => {
      if (streams.isFull()) {
        reply.header('retry-after', '10');
        throw new MeridianError({
          code: 'E_STREAMS',
          message: `${limits.eventStreams} streams are open, which is the most; close one or try again later`,
        });
      }
      const lastId = request.headers['last-event-id'];
      const since = parsePosition(typeof lastId === 'string' ? lastId : undefined);
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200, {
        'content-type': mediaTypes.eventStream,
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      streams.add(reply.raw, since, () => stillValid(context, request));
    },
  );
}
