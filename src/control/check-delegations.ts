import type { Problem } from '../base/errors.ts';
import { parentKey } from '../wire/names.ts';
import { rrTypes } from '../wire/types.ts';
import type { NameKey, Zone } from '../zone/zone.ts';

/**
 * Warns of zones below another one here that does not delegate to them (RFC 1034 §4.2.1). This node
 * answers from the lower zone all the same, but the upper one denies that it exists: to questions for
 * its DS, and on every other server of the upper zone. Costs what `lower` holds, in labels.
 */
export function checkDelegations(
  lower: Iterable<Zone>,
  zones: { get(origin: NameKey): Zone | undefined },
): Problem[] {
  const problems: Problem[] = [];
  for (const zone of lower) {
    const { origin } = zone;
    let isDelegated = false;
    for (let name = parentKey(origin); name !== undefined; name = parentKey(name)) {
      const upper = zones.get(name);
      if (upper === undefined) continue;
      for (let cut: NameKey = origin; cut !== name; cut = parentKey(cut) ?? name) {
        isDelegated ||= upper.nodes.get(cut)?.has(rrTypes.NS) === true;
      }
      if (isDelegated) break;
      const message =
        `${origin} is below ${name}, which has no NS records for it; add them to ${name}, and the ` +
        'addresses of its servers';
      const where = zone.nodes.get(origin)?.get(rrTypes.SOA)?.where ?? `zone ${origin}`;
      problems.push({ code: 'E_ZONE_UNDELEGATED', message, where, severity: 'warning' });
      break;
    }
  }
  return problems;
}
