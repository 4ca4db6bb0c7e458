import type { Field, RdataError } from '../wire/types.ts';
import { quoted } from './problem-list.ts';

const serviceName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** True for a name that a service may have: a lower-case label of letters, digits and hyphens. */
export function isServiceName(text: string): boolean {
  return serviceName.test(text);
}

/** The rdata of a STEER record from its fields: the service's name in UTF-8. */
export function parseSteer(fields: readonly Field[]): Uint8Array | RdataError {
  const [field] = fields;
  if (field === undefined || fields.length > 1) {
    return {
      code: 'E_ZONE_STEER',
      message: `STEER has ${fields.length} fields; give it one service`,
    };
  }
  if (!isServiceName(field.text)) {
    return {
      code: 'E_ZONE_STEER',
      message: `${quoted(field.text)} is no service name; use a-z, 0-9 and inner hyphens, at most 63`,
    };
  }
  return new TextEncoder().encode(field.text);
}

/** The service that a STEER's rdata names. */
export function steerService(rdata: Uint8Array): string {
  return new TextDecoder().decode(rdata);
}
