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

/**
 * With minHealthy 0 a child fails only once all of its members are out; behind it, the same members
 * get no more than what dials and ramps keep back.
 */
function lintFailover(children: readonly PolicyNode[], path: string, findings: Findings): void {
  const first = children.findIndex((child) => child.kind !== 'member' && child.minHealthy === 0);
  if (first < 0) return;
  const covered = new Set<string>();
  collectMembers(children[first] as PolicyNode, covered);
  for (const [index, child] of children.entries()) {
    if (index <= first) continue;
    const own = new Set<string>();
    collectMembers(child, own);
    if (![...own].every((member) => covered.has(member))) continue;
    const message =
      `entry ${first + 1} has minHealthy 0 and tries all of these members before; ` +
      'raise its minHealthy or remove this entry';
    findings.warn('E_POLICY_UNREACHABLE', at(path, index), message);
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
          const message =
            `${key} is matched by rule ${earlier + 1} already; remove it from one of them ` +
            '(what serves when the first has failed is for a failover to say)';
          findings.error('E_POLICY_UNREACHABLE', where, message);
        }
        if (earlier === undefined) taken.set(key, index);
      }
    }
  }
  if (node.otherwise === undefined && !coversAll(node.rules)) {
    const message = 'clients that no rule matches are spread over all members here; add an else';
    findings.warn('E_POLICY_UNUSED', path, message);
  }
}

function coversAll(rules: readonly GeoRule[]): boolean {
  const holds = (cidr: string) => rules.some((rule) => rule.match.cidr.includes(cidr));
  return holds('0.0.0.0/0') && holds('::/0');
}
