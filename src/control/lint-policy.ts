import type { GeoRule, PolicyNode, Service } from '../policy/traffic.ts';
import { at, type Findings } from './findings.ts';
import { matchKinds } from './parse-geo-rules.ts';
import { formatPolicy } from './parse-policy.ts';

/**
 * Finds what a policy says in vain: values that an earlier rule has taken, children listed twice,
 * nodes behind one that cannot fail. Those are errors, because the operator meant something else.
 * Members and clients that are left out are warnings.
 */
export function lintPolicy(service: Service, path: string, findings: Findings): void {
  lintNode(service.policy, at(path, 'policy'), findings);
  const used = new Set<string>();
  collectMembers(service.policy, used);
  if (typeof service.whenAllDown === 'object') used.add(service.whenAllDown.member);
  for (const name of service.members.keys()) {
    if (used.has(name)) continue;
    const message = `the policy never sends a client to "${name}"; use it or remove the member`;
    findings.warn('E_POLICY_UNUSED', at(at(path, 'members'), name), message);
  }
}

/** Adds the name of every member that a policy can lead to. */
export function collectMembers(node: PolicyNode, into: Set<string>): void {
  if (node.kind === 'member') into.add(node.member);
  else for (const { node: child } of childrenOf(node, '')) collectMembers(child, into);
}

function lintNode(node: PolicyNode, path: string, findings: Findings): void {
  if (node.kind === 'member') return;
  if (node.kind === 'geo') lintGeo(node, path, findings);
  else lintDoubles(node, path, findings);
  if (node.kind === 'failover') lintFailover(node.children, at(path, 'failover'), findings);
  for (const child of childrenOf(node, path)) lintNode(child.node, child.path, findings);
}

function childrenOf(node: PolicyNode, path: string): { node: PolicyNode; path: string }[] {
  switch (node.kind) {
    case 'member':
      return [];
    case 'geo': {
      const rules = node.rules.map((rule, index) => ({
        node: rule.use,
        path: at(at(at(path, 'geo'), index), 'use'),
      }));
      if (node.otherwise === undefined) return rules;
      return [...rules, { node: node.otherwise, path: at(path, 'else') }];
    }
    case 'weighted':
    case 'sticky':
      return node.children.map((child, index) => ({
        node: child.node,
        path: weightedPath(child.node, at(path, node.kind), index),
      }));
    default:
      return node.children.map((child, index) => ({
        node: child,
        path: at(at(path, node.kind), index),
      }));
  }
}

// A table of weights is keyed by member; only lists have indexes.
function weightedPath(child: PolicyNode, path: string, index: number): string {
  return at(path, child.kind === 'member' ? child.member : index);
}

function lintDoubles(node: PolicyNode, path: string, findings: Findings): void {
  const seen = new Set<string>();
  for (const child of childrenOf(node, path)) {
    const form = JSON.stringify(formatPolicy(child.node));
    if (seen.has(form)) {
      const behind = node.kind === 'failover';
      const message = behind
        ? `${form} stands in this failover already, so it has failed before it is asked here; remove it`
        : `${form} is listed twice; remove one (a weight says how much it counts)`;
      findings.error(behind ? 'E_POLICY_UNREACHABLE' : 'E_FORM_DUPLICATE', child.path, message);
    }
    seen.add(form);
  }
}

/** A member that an earlier child has tried with all others already adds nothing behind it. */
function lintFailover(children: readonly PolicyNode[], path: string, findings: Findings): void {
  const first = children.findIndex(
    (child) => child.kind !== 'member' && child.minHealthy === 0 && child.kind !== 'geo',
  );
  if (first < 0 || first === children.length - 1) return;
  const covered = new Set<string>();
  collectMembers(children[first] as PolicyNode, covered);
  for (const [index, child] of children.entries()) {
    if (index <= first) continue;
    const own = new Set<string>();
    collectMembers(child, own);
    // With minHealthy 0 it fails only once every one of its members is out.
    if (![...own].every((member) => covered.has(member))) continue;
    const message =
      `nothing is left here that entry ${first} (minHealthy 0) has not tried; ` +
      'remove it or raise minHealthy';
    findings.error('E_POLICY_UNREACHABLE', at(path, index), message);
  }
}

function lintGeo(
  node: Extract<PolicyNode, { kind: 'geo' }>,
  path: string,
  findings: Findings,
): void {
  const rulesAt = at(path, 'geo');
  const taken = new Map<string, number>();
  for (const [index, rule] of node.rules.entries()) {
    for (const kind of matchKinds) {
      for (const [position, value] of rule.match[kind].entries()) {
        const key = `${kind} ${value}`;
        const earlier = taken.get(key);
        if (earlier !== undefined && earlier !== index) {
          const where = at(at(at(at(rulesAt, index), 'match'), kind), position);
          const message = `${key} is matched by rule ${earlier} already; remove it from one of them`;
          findings.error('E_POLICY_UNREACHABLE', where, message);
        }
        if (earlier === undefined) taken.set(key, index);
      }
    }
  }
  lintCatchAll(node.rules, node.otherwise !== undefined, path, findings);
  if (node.otherwise === undefined && !coversAll(node.rules)) {
    const message = 'clients that no rule matches get whatever whenAllDown says; add an else';
    findings.warn('E_POLICY_UNUSED', path, message);
  }
}

function coversAll(rules: readonly GeoRule[]): boolean {
  const holds = (cidr: string) => rules.some((rule) => rule.match.cidr.includes(cidr));
  return holds('0.0.0.0/0') && holds('::/0');
}

/** Prefixes outrank every other kind: where both /0 are listed, only prefixes can still match. */
function lintCatchAll(
  rules: readonly GeoRule[],
  hasElse: boolean,
  path: string,
  findings: Findings,
): void {
  if (!coversAll(rules)) return;
  for (const [index, rule] of rules.entries()) {
    if (rule.match.cidr.length > 0) continue;
    const where = at(at(path, 'geo'), index);
    const message = '0.0.0.0/0 and ::/0 match every client before this rule; remove it or them';
    findings.error('E_POLICY_UNREACHABLE', where, message);
  }
  if (hasElse) {
    const message = 'rules for 0.0.0.0/0 and ::/0 leave no client to else but when they fail';
    findings.warn('E_POLICY_UNUSED', at(path, 'else'), message);
  }
}
