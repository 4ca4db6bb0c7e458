import {
  type FaultStage,
  scheduleFaults as scheduleClusterFaults,
} from '../cluster/cluster-faults.ts';
import { type FleetStage, scheduleFaults as scheduleFleetFaults } from '../fleet/fleet-faults.ts';
import type { TablesStage } from './member-tables.ts';

/** All that can go wrong with live tables: the cluster, the fleet, and both at once. */
export type TableStage = TablesStage & FaultStage & FleetStage;

type Fault = (stage: TableStage) => () => void;

const faults: readonly Fault[] = [
  function nobodyLeads({ world, controllers }) {
    world.note('all controllers go');
    const mayFall = world.chance(0.5);
    for (const one of controllers) {
      if (mayFall) one.kill();
      else one.process?.stop();
    }
    return () => {
      for (const one of controllers) {
        one.process?.resume();
        one.start();
      }
    };
  },
  function memberReachesNothing({ world, members, ground }) {
    const { name } = world.pick(members);
    world.note(`${name} reaches no target`);
    ground.cutOff(name);
    return () => ground.mendWays([name]);
  },
  function busStalls({ world, redis }) {
    // Long enough for a lease not to be trusted, and too short for it to be lost.
    const times = 1 + world.random.below(4);
    let isOver = false;
    const stall = (left: number) => {
      if (isOver || left === 0) return;
      world.note('the bus stalls');
      redis.hang();
      world.after(world.between(2500, 4800), () => {
        redis.resume();
        world.after(world.between(500, 5000), () => stall(left - 1));
      });
    };
    stall(times);
    return () => {
      isOver = true;
      redis.resume();
    };
  },
];

/** Lets faults of every kind begin and end at random until a moment. */
export function scheduleFaults(stage: TableStage, untilMs: number, isLossy: boolean): void {
  const { world } = stage;
  scheduleClusterFaults(stage, untilMs, isLossy);
  scheduleFleetFaults(stage, world.nowMs, untilMs);
  for (let n = world.random.below(3); n > 0; n--) {
    const fault = world.pick(faults);
    world.after(world.between(0, untilMs - world.nowMs), () => {
      const end = fault(stage);
      const lastsMs = world.pick([8000, 20_000, 40_000]) * world.between(0.5, 1.5);
      world.after(Math.min(lastsMs, untilMs - world.nowMs), end);
    });
  }
}
