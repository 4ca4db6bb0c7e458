import { MeridianError, type Problem } from '../base/errors.ts';
import type { Region, Traffic } from '../policy/traffic.ts';

/** What to pretend; region names throughout. */
export interface WhatIf {
  /** As though every VIP there were dead. */
  readonly down: readonly string[];
  /** As though the operator had drained them. */
  readonly drain: readonly string[];
  /** As though every VIP there were alive. */
  readonly up: readonly string[];
  /** Region → dial, 0 to 100. */
  readonly dial: Readonly<Record<string, number>>;
}

/** The traffic that would be, were the pretence true. Throws E_SIMULATION for unknown regions. */
export function pretend(traffic: Traffic, whatIf: WhatIf): Traffic {
  const regions = new Map(traffic.regions);
  const problems: Problem[] = [];
  const change = (name: string, where: string, edit: (region: Region) => Region) => {
    const region = regions.get(name);
    if (region !== undefined) regions.set(name, edit(region));
    else {
      const known = [...traffic.regions.keys()].join(', ');
      const message = `region "${name}" does not exist; choose among ${known}`;
      problems.push({ code: 'E_SIMULATION', message, where });
    }
  };
  for (const state of ['down', 'drained', 'up'] as const) {
    const field = state === 'drained' ? 'drain' : state;
    for (const [place, name] of whatIf[field].entries()) {
      change(name, `/${field}/${place}`, (region) => ({ ...region, state }));
    }
  }
  for (const [name, dial] of Object.entries(whatIf.dial)) {
    change(name, `/dial/${name}`, (region) => ({ ...region, dial }));
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return { ...traffic, regions };
}
