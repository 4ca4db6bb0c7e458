import { limits } from '../base/limits.ts';
import { type Findings, show } from './findings.ts';

/** Words that policies give a meaning to, and so no region, monitor or service may bear. */
export const reservedNames: readonly string[] = ['all', 'nodata', 'else', 'any', 'none'];

/**
 * A DNS label of lower-case letters, digits and hyphens that begins with a letter (so that a JSON
 * object keeps names in the order written).
 */
export const objectNamePattern = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Checks the name of a region, monitor or service; reports and returns false when it is not one. */
export function checkObjectName(
  name: string,
  path: string,
  what: string,
  findings: Findings,
): boolean {
  if (reservedNames.includes(name)) {
    const message = `${what} is called "${name}", which policies use as a word; choose another name`;
    findings.error('E_NAME_INVALID', path, message);
    return false;
  }
  if (objectNamePattern.test(name) && name.length <= limits.objectNameChars) return true;
  const message =
    `${what} is called ${show(name)}; use 1 to ${limits.objectNameChars} of a-z, 0-9 and inner ` +
    'hyphens, beginning with a letter';
  findings.error('E_NAME_INVALID', path, message);
  return false;
}
