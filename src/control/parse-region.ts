import type { AdminState, Region } from '../policy/traffic.ts';
import { at, type Findings, show } from './findings.ts';
import { formatMaintenance, readMaintenance } from './parse-maintenance.ts';
import { parseTime } from './parse-time.ts';
import { formatPlace, placeKeys, readPlace } from './place-form.ts';
import { mustHave, readChoice, readNumber, readObject, readText } from './read-form.ts';

/** The words of regions' and members' `state`. */
export const adminStates: readonly AdminState[] = ['active', 'drained', 'down', 'up'];

const dialBounds = { min: 0, max: 100 };

/**
 * Reads a region in the operator's form: `{ place: aws:eu-west-1, dial: 100, state: active }`, or with
 * `latitude` and `longitude`. Undefined when something is wrong, which `findings` then holds.
 */
export function parseRegion(value: unknown, path: string, findings: Findings): Region | undefined {
  return findings.unlessBad(() => {
    const keys = [...placeKeys, 'dial', 'state', 'expiry', 'maintenance'];
    const form = readObject(value, path, 'region', keys, findings);
    if (form === undefined) return undefined;
    const placed = readPlace(form, path, 'region', findings);
    if (placed === undefined && placeKeys.every((key) => form[key] === undefined)) {
      const remedy = 'add place (aws:eu-west-1), or latitude and longitude';
      findings.error('E_FORM_MISSING', path, `region has no place; ${remedy}`);
    }
    const dial = readNumber(form['dial'], at(path, 'dial'), 'dial', dialBounds, findings) ?? 100;
    const state =
      readChoice(form['state'], at(path, 'state'), 'state', adminStates, findings) ?? 'active';
    const expiry = readExpiry(form['expiry'], at(path, 'expiry'), findings);
    const planned = form['maintenance'];
    const maintenance = readMaintenance(planned, at(path, 'maintenance'), findings);
    if (placed === undefined) return undefined;
    return {
      ...placed,
      dial,
      state,
      ...(expiry === undefined ? {} : { expiry }),
      ...(maintenance === undefined ? {} : { maintenance }),
    };
  });
}

/** Writes a region in the operator's form, without what is default; reads back equal. */
export function formatRegion(region: Region): Record<string, unknown> {
  return {
    ...formatPlace(region),
    ...(region.dial === 100 ? {} : { dial: region.dial }),
    ...(region.state === 'active' ? {} : { state: region.state }),
    ...(region.expiry === undefined ? {} : { expiry: region.expiry }),
    ...formatMaintenance(region.maintenance),
  };
}

/** The region as its expiry leaves it: dial and state go back, the expiry is gone. */
export function restoreRegion(region: Region): Region {
  const { expiry, ...rest } = region;
  return expiry === undefined ? region : { ...rest, dial: expiry.dial, state: expiry.state };
}

function readExpiry(value: unknown, path: string, findings: Findings): Region['expiry'] {
  if (value === undefined) return undefined;
  const form = readObject(value, path, 'expiry', ['at', 'dial', 'state'], findings);
  if (form === undefined || !mustHave(form, 'at', path, 'expiry', findings)) return undefined;
  const when = readText(form['at'], at(path, 'at'), 'expiry', findings, 40);
  const dial = readNumber(form['dial'], at(path, 'dial'), 'dial', dialBounds, findings) ?? 100;
  const state =
    readChoice(form['state'], at(path, 'state'), 'state', adminStates, findings) ?? 'active';
  if (when === undefined) return undefined;
  const epochMs = parseTime(when);
  if (epochMs === undefined) {
    const example = '2026-01-31T18:30:00Z';
    const message = `expiry is ${show(when)}; write a time with its zone, as ${example} (RFC 3339)`;
    findings.error('E_FORM_VALUE', at(path, 'at'), message);
    return undefined;
  }
  return { at: new Date(epochMs).toISOString(), dial, state };
}
