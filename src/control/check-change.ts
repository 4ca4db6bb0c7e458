import type { Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { STEER } from '../wire/types.ts';
import { checkEdit } from '../zone/check-edit.ts';
import { checkZone, isFlawless } from '../zone/check-zone.ts';
import { steerService } from '../zone/steer.ts';
import type { NameKey, RRset, Zone } from '../zone/zone.ts';
import { nodesOwning } from '../zone/zone-walk.ts';
import { checkDelegations } from './check-delegations.ts';
import { checkAgentReferences, checkServiceReferences, checkVantages } from './check-references.ts';
import type { Configuration } from './controller.ts';
import type { Draft } from './draft-change.ts';
import { Findings } from './findings.ts';
import { movedZones } from './load-configuration.ts';
import { hint } from './suggest.ts';

/**
 * Checks what a change says together with all else: changed zones as wholes, what services and STEER
 * records name, and that nothing which goes away is still used. Costs what the change touches, not
 * what the configuration holds, but for the search for users of what is removed.
 */
export function checkChange(draft: Draft, next: Configuration, current: Configuration): Problem[] {
  const findings = new Findings();
  checkZones(next, current, findings);
  checkUses(draft, next, findings);
  checkRemovals(draft, next, findings);
  checkCounts(next, findings);
  return findings.problems;
}

function checkZones(next: Configuration, current: Configuration, findings: Findings): void {
  for (const origin of movedZones(current, next)) {
    const zone = next.zones.get(origin);
    const before = current.zones.get(origin);
    if (zone === undefined || before === zone) continue;
    const problems = before === undefined ? checkNew(zone) : checkEdit(before, zone);
    for (const problem of problems) {
      findings.problems.push(
        problem.where === undefined ? { ...problem, where: `zone ${origin}` } : problem,
      );
    }
    if (before === undefined) {
      findings.problems.push(...checkDelegations([zone], next.zones));
    }
  }
}

function checkNew(zone: Zone): readonly Problem[] {
  return isFlawless(zone) ? [] : checkZone(zone);
}

function checkUses(draft: Draft, next: Configuration, findings: Findings): void {
  const { services } = next.traffic;
  for (const { kind, id, value } of draft.edits) {
    if (value?.kind === 'service') {
      checkServiceReferences(
        id,
        value.service,
        (otherKind, name) => draft.whereOf(otherKind, name),
        findings,
        next.traffic,
      );
    }
    const pathOf = draft.whereOf;
    if (value?.kind === 'agent') {
      checkAgentReferences(id, value.agent, pathOf, findings, next.traffic);
    }
    if (value?.kind === 'monitor') {
      checkVantages(id, value.monitor, pathOf, findings, next.traffic.agents);
    }
    if (value?.kind === 'zone' && value.content !== undefined) {
      for (const [owner, rrsets] of nodesOwning(value.content.nodes, steerTypes)) {
        checkSteers(rrsets.get(STEER), owner, pathOf(kind, id), services, findings);
      }
    }
    if (value?.kind !== 'rrset' || value.rrset.type !== STEER) continue;
    checkSteers(value.rrset, value.owner, pathOf(kind, id), services, findings);
  }
}

function checkSteers(
  rrset: RRset | undefined,
  owner: NameKey,
  where: string,
  services: ReadonlyMap<string, unknown>,
  findings: Findings,
): void {
  for (const rdata of rrset?.rdatas ?? []) {
    const name = steerService(rdata);
    if (services.has(name)) continue;
    const message =
      `${owner} is handed to service "${name}", which does not exist` +
      `${hint(name, [...services.keys()])}; add the service or correct the name`;
    findings.problems.push({ code: 'E_SERVICE_UNKNOWN', message, where: rrset?.where ?? where });
  }
}

function checkRemovals(draft: Draft, next: Configuration, findings: Findings): void {
  const removed = (kind: string) =>
    new Set(draft.edits.flatMap((edit) => (edit.kind === kind && !edit.value ? [edit.id] : [])));
  const services = removed('service');
  if (services.size > 0) {
    for (const [name, owners] of steeredOwners(next.zones.values(), services)) {
      report('service', name, 'the names', owners, 'remove or re-steer those first');
    }
  }
  const regions = removed('region');
  const monitors = removed('monitor');
  if (regions.size === 0 && monitors.size === 0) return;
  const users = new Map<string, string[]>();
  const note = (key: string, service: string) =>
    users.set(key, [...(users.get(key) ?? []), service]);
  for (const [name, service] of next.traffic.services) {
    for (const region of service.members.keys())
      if (regions.has(region)) note(`region ${region}`, name);
    for (const monitor of service.monitors)
      if (monitors.has(monitor)) note(`monitor ${monitor}`, name);
  }
  const canaries = new Map<string, string[]>();
  for (const [agent, { canaries: own }] of next.traffic.agents ?? []) {
    for (const monitor of own.keys()) {
      if (!monitors.has(monitor)) continue;
      canaries.set(monitor, [...(canaries.get(monitor) ?? []), agent]);
    }
  }
  for (const [id, agents] of canaries) {
    report('monitor', id, 'the canaries of agents', agents, 'take it out of those first');
  }
  for (const [key, names] of users) {
    const [kind, id] = key.split(' ') as ['region' | 'monitor', string];
    report(kind, id, 'the services', names, 'take it out of those first');
  }

  function report(
    kind: 'region' | 'monitor' | 'service',
    id: string,
    who: string,
    names: readonly string[],
    remedy: string,
  ): void {
    const shown = names.slice(0, 5).join(', ');
    const more = names.length > 5 ? ` and ${names.length - 5} more` : '';
    const message = `${kind} "${id}" is still used by ${who} ${shown}${more}; ${remedy}`;
    findings.problems.push({ code: 'E_IN_USE', message, where: draft.whereOf(kind, id) });
  }
}

const steerTypes = new Set([STEER]);

/** The owners that are handed to each of these services. */
export function steeredOwners(
  zones: Iterable<Zone>,
  services: ReadonlySet<string>,
): Map<string, NameKey[]> {
  const owners = new Map<string, NameKey[]>();
  for (const zone of zones) {
    for (const [owner, rrsets] of nodesOwning(zone.nodes, steerTypes)) {
      for (const rdata of rrsets.get(STEER)?.rdatas ?? []) {
        const name = steerService(rdata);
        if (services.has(name)) owners.set(name, [...(owners.get(name) ?? []), owner]);
      }
    }
  }
  return owners;
}

function checkCounts(next: Configuration, findings: Findings): void {
  const { regions, monitors, services, networks, agents } = next.traffic;
  const counts = [
    ['regions', regions.size],
    ['monitors', monitors.size],
    ['services', services.size],
    ['networks', networks.length],
    ['agents', agents?.size ?? 0],
  ] as const;
  for (const [what, count] of counts) {
    if (count <= limits[what]) continue;
    const message = `there would be ${count} ${what}, over the limit of ${limits[what]}; remove some`;
    findings.error('E_LIMIT', `/${what}`, message);
  }
}
