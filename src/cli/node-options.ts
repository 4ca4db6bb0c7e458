import type { ApiCertificate } from '../api/api-certificate.ts';
import type { Log } from '../base/log.ts';
import type { UdpIo } from '../server/open-udp.ts';
import type { RateLimitOptions, SubnetSettings } from '../server/settings.ts';
import type { ClusterOptions } from './cluster-flags.ts';
import type { Endpoint, GeoFlag } from './flags.ts';
import type { Predecessor } from './restart/predecessor.ts';

/** Everything that `meridian serve` can be told. */
export interface NodeOptions {
  readonly zones: string;
  readonly data: string;
  readonly dns: readonly Endpoint[];
  readonly http: Endpoint;
  /** What the API is offered with; absent: without TLS. */
  readonly certificate?: ApiCertificate | undefined;
  readonly geo: readonly GeoFlag[];
  readonly workers: number;
  /** How UDP packets move; undefined: as well as this machine can. */
  readonly io: UdpIo | undefined;
  readonly nsid: string | undefined;
  readonly versionBind: string | undefined;
  readonly serverId: string | undefined;
  readonly ecs: SubnetSettings;
  /** Default as `startDataPlane` has it. */
  readonly protection?: {
    readonly rateLimit?: RateLimitOptions;
    readonly cookieSecrets?: readonly Uint8Array[];
  };
  /** A program that is run with `up` or `down` when the node begins or ceases to answer. */
  readonly anycastHook?: string | undefined;
  /** The cluster that this process joins; absent for a process of its own. */
  readonly cluster?: ClusterOptions | undefined;
  readonly allowPrivateTargets: boolean;
  readonly allowExec: boolean;
  readonly adminToken: string | undefined;
  /** Names, besides loopback ones, under which the API may be called. */
  readonly hosts: readonly string[];
  readonly openMetrics: boolean;
  readonly version: string;
  /** The process before this one, when this one takes its place. */
  readonly predecessor?: Predecessor;
  readonly log: Log;
}
