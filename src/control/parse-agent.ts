import { formatIp, parseIp } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import { findPlace, suggestPlaces } from '../geo/places.ts';
import type { AgentState, FleetAgent } from '../policy/traffic.ts';
import { at, type Findings, show } from './findings.ts';
import { checkObjectName } from './object-names.ts';
import {
  mustHave,
  readChoice,
  readDistinct,
  readObject,
  readTable,
  readText,
} from './read-form.ts';

/** The words of agents' `state`. */
export const agentStates: readonly AgentState[] = ['active', 'revoked'];

const keys = ['location', 'region', 'publicKey', 'state', 'canaries'];
const publicKeyPattern = /^[A-Za-z0-9_-]{43}$/;

/**
 * Reads an agent in the form that enrolment writes: `{ location: aws:eu-west-1, publicKey: … }`. Whether
 * the monitors of its canaries exist is for `checkReferences` to say.
 */
export function parseAgent(
  value: unknown,
  path: string,
  findings: Findings,
): FleetAgent | undefined {
  return findings.unlessBad(() => {
    const form = readObject(value, path, 'agent', keys, findings);
    if (form === undefined) return undefined;
    const complete = (['location', 'publicKey'] as const).map((key) =>
      mustHave(form, key, path, 'agent', findings),
    );
    const where = at(path, 'location');
    const location = readText(form['location'], where, 'location', findings, 64);
    const coordinates =
      location === undefined ? undefined : readLocation(location, where, findings);
    const region = readText(form['region'], at(path, 'region'), 'region', findings, 63);
    if (region !== undefined) checkObjectName(region, at(path, 'region'), 'a region', findings);
    const publicKey = readText(form['publicKey'], at(path, 'publicKey'), 'key', findings, 64);
    if (publicKey !== undefined && !publicKeyPattern.test(publicKey)) {
      const message = `publicKey ${show(publicKey)} is no Ed25519 key; write its 32 octets in base64url (43 characters)`;
      findings.error('E_FORM_VALUE', at(path, 'publicKey'), message);
    }
    const state = readChoice(form['state'], at(path, 'state'), 'state', agentStates, findings);
    const canaries = readCanaries(form['canaries'], at(path, 'canaries'), findings);
    if (!complete.every(Boolean) || location === undefined || coordinates === undefined) {
      return undefined;
    }
    return {
      location,
      coordinates,
      region: region ?? regionOf(location),
      publicKey: publicKey ?? '',
      state: state ?? 'active',
      canaries,
    };
  });
}

/** Writes an agent in the operator's form, without what is default; reads back equal. */
export function formatAgent(agent: FleetAgent): Record<string, unknown> {
  const { location, region, publicKey, state, canaries } = agent;
  return {
    location,
    ...(region === regionOf(location) ? {} : { region }),
    publicKey,
    ...(state === 'active' ? {} : { state }),
    ...(canaries.size === 0 ? {} : { canaries: Object.fromEntries(canaries) }),
  };
}

/** The agent region of a location, where none is given: `aws:eu-west-1` → `aws-eu-west-1`. */
export function regionOf(location: string): string {
  const plain = location
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return (/^[a-z]/.test(plain) ? plain : `at-${plain}`).slice(0, 63).replace(/-+$/, '');
}

/** Reads addresses that are known to work; canonical text, no doubles. */
export function readCanaryAddresses(
  value: unknown,
  path: string,
  max: number,
  findings: Findings,
): string[] {
  const read = (entry: unknown, where: string) => {
    const address = typeof entry === 'string' ? parseIp(entry) : undefined;
    if (address !== undefined) return formatIp(address);
    const message = `canaries holds ${show(entry)}, which is no address; write one such as 192.0.2.10`;
    findings.error('E_VIP_INVALID', where, message);
    return undefined;
  };
  return readDistinct(value, path, 'canaries', { max }, read, findings);
}

function readCanaries(
  value: unknown,
  path: string,
  findings: Findings,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  let count = 0;
  for (const [monitor, entry] of readTable(value, path, 'canaries', findings) ?? []) {
    const where = at(path, monitor);
    const addresses = readCanaryAddresses(entry, where, limits.canariesPerAgent, findings);
    if (addresses.length > 0) found.set(monitor, addresses);
    count += addresses.length;
  }
  if (count > limits.canariesPerAgent) {
    const message = `canaries has ${count} addresses; at most ${limits.canariesPerAgent}`;
    findings.error('E_FORM_RANGE', path, message);
  }
  return found;
}

function readLocation(
  text: string,
  path: string,
  findings: Findings,
): FleetAgent['coordinates'] | undefined {
  const match = /^(-?\d{1,2}(?:\.\d+)?), ?(-?\d{1,3}(?:\.\d+)?)$/.exec(text);
  const [latitude, longitude] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180) {
    return { latitude, longitude };
  }
  const place = findPlace(text);
  if (place !== undefined) return place.coordinates;
  const close = suggestPlaces(text);
  const remedy =
    close.length > 0
      ? `did you mean ${close.join(', ')}?`
      : 'write a place such as aws:eu-west-1, iata:FRA or city:Paris,FR, or "52.5,13.4"';
  findings.error('E_PLACE_UNKNOWN', path, `location ${show(text)} is not a known place; ${remedy}`);
  return undefined;
}
