import type { ApiInstance, Simulate } from '../api-context.ts';
import { component, describeRoute } from '../route-schema.ts';

/** Registers `/simulations`: what would happen if. */
export function simulationRoutes(app: ApiInstance, simulate: Simulate): void {
  app.post(
    '/simulations',
    {
      config: { access: 'read' },
      schema: describeRoute({
        summary: 'Work out how traffic would move',
        description: 'Over a population of clients; nothing is changed.',
        tags: ['simulations'],
        body: component<object>('SimulationRequest'),
        answers: { 200: { description: 'The outcome.', schema: component('Simulation') } },
      }),
    },
    async (request, reply) => reply.send(await simulate(request.body)),
  );
}
