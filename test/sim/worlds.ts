import { runCluster } from './cluster/cluster-world.ts';
import type { Simulation } from './engine/simulation.ts';
import { runFleet } from './fleet/fleet-world.ts';
import { runTables } from './tables/tables-world.ts';

export type WorldName = 'fleet' | 'cluster' | 'tables';

/** Every world that there is, by name. */
export const worlds: Readonly<Record<WorldName, (world: Simulation) => Promise<unknown>>> = {
  fleet: runFleet,
  cluster: runCluster,
  tables: runTables,
};
