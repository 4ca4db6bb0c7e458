import type { Configuration } from '../../control/controller.ts';
import { emptyConfiguration } from '../../control/load-configuration.ts';
import type { ServiceHealth } from '../../health/verdict.ts';

const noHealth: ServiceHealth = new Map();

/**
 * What changes while a node runs: read by all that compiles, explains and simulates, set by the parts
 * that know it as they are started.
 */
export class LiveState {
  configuration: Configuration = emptyConfiguration;
  /** Health of a service; nothing is known until a source is set. */
  health: (service: string) => ServiceHealth = () => noHealth;
}
