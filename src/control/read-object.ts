import { errorText, type Problem } from '../base/errors.ts';
import type { Monitor } from '../health/monitor.ts';
import type { FleetAgent, NetworkOverride, Region, Service } from '../policy/traffic.ts';
import type { StoredToken } from '../store/store.ts';
import { typeName } from '../wire/type-names.ts';
import { rrsetFromJson, rrsetToJson } from '../zone/rrset-json.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import type { ObjectKind, RRsetValue } from './change.ts';
import { type Findings, show } from './findings.ts';
import { objectPath, parseRRsetId } from './object-ids.ts';
import { formatAgent, parseAgent } from './parse-agent.ts';
import { formatMonitor, parseMonitor } from './parse-monitor.ts';
import { formatNetwork, parseNetwork } from './parse-network.ts';
import { formatRegion, parseRegion } from './parse-region.ts';
import { formatService, parseService } from './parse-service.ts';
import { formatToken, parseToken } from './parse-token.ts';
import { isRecord, readObject } from './read-form.ts';

/** An object as the configuration holds it. */
export type ObjectValue =
  | { readonly kind: 'zone'; readonly id: NameKey; readonly content?: Zone }
  | RRsetValue
  | { readonly kind: 'region'; readonly id: string; readonly region: Region }
  | { readonly kind: 'monitor'; readonly id: string; readonly monitor: Monitor }
  | { readonly kind: 'service'; readonly id: string; readonly service: Service }
  | { readonly kind: 'network'; readonly id: string; readonly network: NetworkOverride }
  | { readonly kind: 'agent'; readonly id: string; readonly agent: FleetAgent }
  | { readonly kind: 'token'; readonly id: string; readonly token: StoredToken };

/** An object that was read: its value, and its body in the one form that is stored. */
export interface ReadObject {
  readonly value: ObjectValue;
  readonly body: string;
}

/**
 * Reads the body of an object whose id is canonical. Equal content gives an equal body, so that a
 * write which changes nothing is seen as such. Undefined when something is wrong; `findings` say what.
 */
export function readObjectBody(
  kind: ObjectKind,
  id: string,
  body: string,
  findings: Findings,
): ReadObject | undefined {
  const path = objectPath(kind, id);
  let form: unknown;
  try {
    form = JSON.parse(body);
  } catch (error) {
    const message = `the body is not JSON: ${errorText(error)}; correct its syntax`;
    findings.error('E_FORM_SYNTAX', path, message);
    return undefined;
  }
  switch (kind) {
    case 'zone': {
      const empty = readObject(form, path, 'zone', [], findings);
      if (empty === undefined || Object.keys(empty).length > 0) return undefined;
      return { value: { kind, id }, body: '{}' };
    }
    case 'rrset':
      return readRRset(id, form, path, findings);
    case 'region': {
      const region = parseRegion(form, path, findings);
      return region && { value: { kind, id, region }, body: JSON.stringify(formatRegion(region)) };
    }
    case 'monitor': {
      const monitor = parseMonitor(form, path, findings);
      if (monitor === undefined) return undefined;
      return { value: { kind, id, monitor }, body: JSON.stringify(formatMonitor(monitor)) };
    }
    case 'service': {
      const service = parseService(form, path, findings);
      if (service === undefined) return undefined;
      return { value: { kind, id, service }, body: JSON.stringify(formatService(service)) };
    }
    case 'network': {
      const network = parseNetwork(id, form, path, findings);
      if (network === undefined) return undefined;
      return { value: { kind, id, network }, body: JSON.stringify(formatNetwork(network)) };
    }
    case 'agent': {
      const agent = parseAgent(form, path, findings);
      return agent && { value: { kind, id, agent }, body: JSON.stringify(formatAgent(agent)) };
    }
    case 'token': {
      const token = parseToken(id, form, path, findings);
      return token && { value: { kind, id, token }, body: JSON.stringify(formatToken(token)) };
    }
  }
}

function readRRset(
  id: string,
  form: unknown,
  path: string,
  findings: Findings,
): ReadObject | undefined {
  const parsed = parseRRsetId(id);
  if (parsed === undefined) return undefined;
  if (!isRecord(form)) {
    const example = '{"ttl":300,"values":["192.0.2.1"]}';
    findings.error(
      'E_FORM_TYPE',
      path,
      `rrset is ${show(form)}; write an object such as ${example}`,
    );
    return undefined;
  }
  const { zone, owner, type } = parsed;
  const rrset = rrsetFromJson(zone, owner, typeName(type), form);
  if (Array.isArray(rrset)) {
    findings.take(rrset as readonly Problem[], path);
    return undefined;
  }
  const value = { kind: 'rrset', zone, owner, rrset: rrset as RRset } as const;
  return { value, body: JSON.stringify(rrsetToJson(value.rrset)) };
}
