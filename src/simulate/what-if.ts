import { MeridianError, type Problem } from '../base/errors.ts';
import { at, show } from '../control/findings.ts';
import { hint } from '../control/suggest.ts';
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
  readonly dial: ReadonlyMap<string, number>;
}

/**
 * The traffic that would be, were the pretence true. Throws E_SIMULATION for unknown regions and
 * E_FORM_VALUE for those that are said to be two things at once.
 */
export function pretend(traffic: Traffic, whatIf: WhatIf): Traffic {
  const regions = new Map(traffic.regions);
  const problems: Problem[] = [];
  const told = new Map<string, string>();
  const change = (name: string, where: string, edit: (region: Region) => Region) => {
    const region = regions.get(name);
    if (region !== undefined) regions.set(name, edit(region));
    else {
      const close = hint(name, [...traffic.regions.keys()]);
      const message = `region ${show(name)} does not exist${close}; correct the name`;
      problems.push({ code: 'E_SIMULATION', message, where });
    }
  };
  for (const state of ['down', 'drained', 'up'] as const) {
    const field = state === 'drained' ? 'drain' : state;
    for (const [place, name] of whatIf[field].entries()) {
      const where = at(`/${field}`, place);
      const other = told.get(name) ?? field;
      told.set(name, field);
      if (other !== field) {
        const message = `region ${show(name)} cannot be both ${other} and ${field}; leave one`;
        problems.push({ code: 'E_FORM_VALUE', message, where });
      }
      change(name, where, (region) => ({ ...region, state }));
    }
  }
  for (const [name, dial] of whatIf.dial) {
    change(name, at('/dial', name), (region) => ({ ...region, dial }));
  }
  if (problems.length > 0) throw new MeridianError(problems);
  return { ...traffic, regions };
}
