import { parsePrefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import type { ClientClass } from '../geo/client.ts';
import { type Candidate, makeCandidate, servingOf } from './candidates.ts';
import { climb } from './failover.ts';
import { nobody, type Outcome } from './outcome.ts';
import { rotateAmong } from './round-robin.ts';
import type { Scope } from './scope.ts';
import type { GeoRule, PolicyNode } from './traffic.ts';

type GeoNode = Extract<PolicyNode, { kind: 'geo' }>;

/**
 * `geo`: the most specific rule that matches the client: CIDR (longest first), ASN, subdivision,
 * country, continent, then `else`; among equals the one written first. Where a rule's target has
 * failed, or its dial sends clients on, the next less specific match serves, then `else`.
 *
 * A client that no rule and no `else` can serve gets what is eligible elsewhere in the node, rotated,
 * and the node counts as failed: some answer is better than none.
 */
export function evaluateGeo(node: GeoNode, scope: Scope): Outcome {
  const index = scope.once(node, () => indexRules(node.rules));
  const matches = matchRules(index, scope.facts.client);
  const children = matches.map(({ rule }) => ({
    node: node.rules[rule]!.use,
    label: `[${rule}]`,
  }));
  if (node.otherwise !== undefined) children.push({ node: node.otherwise, label: '.else' });
  const { used, desperate, pieces } = climb(scope, children);
  if (used.length === 0) return anyone(node, scope, matches.length);
  const why = used.map((candidate) => {
    const match = matches.find(({ rule }) => node.rules[rule]!.use === candidate.node);
    return match === undefined ? 'else' : `rule ${match.rule + 1} by ${match.by}`;
  });
  return {
    pieces,
    failed: desperate || (node.minHealthy !== undefined && scope.isBelowMinimum(node)),
    serving: servingOf(used),
    note: () => (matches.length === 0 ? 'no rule matches; else' : `matched ${why.join(', then ')}`),
  };
}

function anyone(node: GeoNode, scope: Scope, matches: number): Outcome {
  const { eligible } = scope.census(node);
  if (eligible.length === 0) return nobody(node.rules.length);
  const preferred = eligible.filter(({ weight }) => weight > 0);
  const candidates = (preferred.length > 0 ? preferred : eligible).map(
    ({ member }): Candidate =>
      makeCandidate(scope, { node: { kind: 'member', member }, label: '.any' }),
  );
  return {
    pieces: rotateAmong(candidates, limits.answersPerQuery),
    failed: true,
    serving: servingOf(candidates),
    note: () =>
      `${matches === 0 ? 'no rule matches' : 'no matching rule has an eligible member'} ` +
      'and no else; every eligible member in rotation',
  };
}

/** Match value (`country IN`) → indices of the rules that list it, in the order written. */
type RuleIndex = ReadonlyMap<string, readonly number[]>;

export interface RuleMatch {
  readonly rule: number;
  /** `country IN`. */
  readonly by: string;
}

/** Sorts rules by what they match, so that a client's rules are found without a scan. */
export function indexRules(rules: readonly GeoRule[]): RuleIndex {
  const index = new Map<string, number[]>();
  for (const [rule, { match }] of rules.entries()) {
    const values = [
      ...match.cidr.map((cidr) => `cidr ${cidr}`),
      ...match.asn.map((asn) => `asn AS${asn}`),
      ...match.subdivision.map((subdivision) => `subdivision ${subdivision}`),
      ...match.country.map((country) => `country ${country}`),
      ...match.continent.map((continent) => `continent ${continent}`),
    ];
    for (const value of values) {
      const known = index.get(value);
      if (known === undefined) index.set(value, [rule]);
      else known.push(rule);
    }
  }
  return index;
}

/** The rules that match a client, most specific first, each once. */
export function matchRules(index: RuleIndex, client: ClientClass): readonly RuleMatch[] {
  const matches = new Map<number, RuleMatch>();
  const longestFirst = [...client.prefixes].sort((a, b) => prefixLength(b) - prefixLength(a));
  const values = longestFirst.map((prefix) => `cidr ${prefix}`);
  if (client.asn !== undefined) values.push(`asn AS${client.asn}`);
  if (client.subdivision !== undefined) values.push(`subdivision ${client.subdivision}`);
  if (client.country !== undefined) values.push(`country ${client.country}`);
  if (client.continent !== undefined) values.push(`continent ${client.continent}`);
  for (const by of values) {
    for (const rule of index.get(by) ?? []) {
      if (!matches.has(rule)) matches.set(rule, { rule, by });
    }
  }
  return [...matches.values()];
}

const prefixLength = (prefix: string) => parsePrefix(prefix)?.length ?? 0;
