import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { at, Findings } from '../control/findings.ts';
import { isRecord, readList, readNumber, readObject, readText } from '../control/read-form.ts';
import type { WhatIf } from './what-if.ts';

/** A simulation as it is asked for, defaults filled in. */
export interface SimulationRequest extends WhatIf {
  /** Services to look at; empty: all. */
  readonly services: readonly string[];
  /** Service → total demand in the unit of its members' capacity. */
  readonly demand: ReadonlyMap<string, number>;
}

const keys = ['down', 'drain', 'up', 'dial', 'services', 'demand'] as const;

/** Reads `{ down: ["eu-west"], dial: { "us-east": 20 }, demand: { web: 20000 } }`; throws MeridianError. */
export function readSimulationRequest(body: unknown): SimulationRequest {
  const findings = new Findings();
  const form = readObject(body ?? {}, '', 'the simulation', keys, findings) ?? {};
  const names = (key: 'down' | 'drain' | 'up' | 'services', max: number): readonly string[] =>
    (readList(form[key], `/${key}`, key, { max }, findings) ?? []).flatMap(
      (value, place) => readText(value, at(`/${key}`, place), 'the name', findings) ?? [],
    );
  const numbers = (key: 'dial' | 'demand', max: number): ReadonlyMap<string, number> => {
    const table = form[key] ?? {};
    if (!isRecord(table)) {
      const message = `${key} is no table; write {"${key === 'dial' ? 'eu-west' : 'web'}": 20}`;
      findings.error('E_FORM_TYPE', `/${key}`, message);
      return new Map();
    }
    return new Map(
      Object.entries(table).flatMap(([name, value]) => {
        const number = readNumber(value, at(`/${key}`, name), key, { min: 0, max }, findings);
        return number === undefined ? [] : [[name, number] as const];
      }),
    );
  };
  const request = {
    down: names('down', limits.regions),
    drain: names('drain', limits.regions),
    up: names('up', limits.regions),
    dial: numbers('dial', 100),
    services: names('services', limits.services),
    demand: numbers('demand', Number.MAX_SAFE_INTEGER),
  };
  if (findings.problems.length > 0) throw new MeridianError(findings.problems);
  return request;
}
