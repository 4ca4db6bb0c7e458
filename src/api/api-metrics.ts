import type { FastifyReply, FastifyRequest } from 'fastify';
import { Counter, Histogram, Registry } from 'prom-client';

const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE']);

/**
 * Counts requests and their time. Labels are the route's pattern and never the path, so that no
 * client can make new ones.
 */
export class ApiMetrics {
  readonly #registry = new Registry();
  readonly #requests = new Counter({
    name: 'meridian_api_requests_total',
    help: 'Requests to the admin API.',
    labelNames: ['method', 'route', 'status'],
    registers: [this.#registry],
  });
  readonly #seconds = new Histogram({
    name: 'meridian_api_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labelNames: ['method', 'route'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [this.#registry],
  });

  /** Notes one answered request. */
  observe(request: FastifyRequest, reply: FastifyReply): void {
    const method = methods.has(request.method) ? request.method : 'other';
    const route = request.routeOptions.url ?? 'none';
    this.#requests.inc({ method, route, status: String(reply.statusCode) });
    this.#seconds.observe({ method, route }, reply.elapsedTime / 1000);
  }

  /** The metrics as Prometheus text (exposition format 0.0.4). */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
