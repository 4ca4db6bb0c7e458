import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { AgentDesk } from '../control/agent-desk.ts';
import type { ClusterView } from '../control/cluster-view.ts';
import type { Controller } from '../control/controller.ts';
import type { ApiTokens } from './access.ts';
import type { ApiCertificate } from './api-certificate.ts';
import type { EventStreams } from './event-stream.ts';
import type { FailedAttempts } from './failed-attempts.ts';

/** Answers `POST /v1/simulations`; throws MeridianError for a request that makes no sense. */
export type Simulate = (request: unknown) => Promise<object>;

/** What the API is built on; everything that it does goes through these. */
export interface ApiOptions {
  readonly controller: Controller;
  readonly tokens: ApiTokens;
  readonly log: Log;
  readonly version: string;
  /** The Prometheus text of the whole process. */
  readonly metrics: () => string | Promise<string>;
  /** Whether this node serves, and if not, why. */
  readonly ready: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  /** Whether this node answers queries, by asking itself; absent where it serves no DNS. */
  readonly selfCheck?: () => Promise<{
    readonly answers: boolean;
    readonly reasons: readonly string[];
  }>;
  /** The cluster that this process is part of; absent for one of its own. */
  readonly cluster?: ClusterView;
  /** Id of a process that is in no cluster; default: the name of the machine. */
  readonly nodeId?: string;
  /** `node`: takes no changes and passes none on. Default `all`. */
  readonly role?: 'all' | 'controller' | 'node';
  /** Where agents come to; absent: what agents themselves ask and tell answers 404. */
  readonly agents?: AgentDesk;
  /** Absent: simulations answer 404. */
  readonly simulate?: Simulate;
  /** Further names under which a loopback listener may be called, for a proxy on the same host. */
  readonly hosts?: readonly string[];
  /** Opens /metrics to everybody; otherwise it is open to clients on the same machine only. */
  readonly openMetrics?: boolean;
  /** Absent: without TLS. */
  readonly certificate?: ApiCertificate;
  readonly clock?: Clock;
}

/** What every route gets. */
export interface ApiContext extends ApiOptions {
  readonly clock: Clock;
  readonly streams: EventStreams;
  readonly attempts: FailedAttempts;
}

/** A Fastify instance that knows the types of its routes' TypeBox schemas. */
export type ApiInstance = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression<RawServerDefault>,
  RawReplyDefaultExpression<RawServerDefault>,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
