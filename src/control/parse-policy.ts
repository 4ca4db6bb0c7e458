import { limits } from '../base/limits.ts';
import type { NodeOptions, PolicyNode, WeightedChild } from '../policy/traffic.ts';
import { formatDuration } from './duration.ts';
import { at, type Findings, show } from './findings.ts';
import { formatGeoRules, readGeoRules } from './parse-geo-rules.ts';
import {
  type Form,
  isRecord,
  mustHave,
  readDuration,
  readList,
  readNumber,
  readObject,
} from './read-form.ts';
import { hint, suggest } from './suggest.ts';

/*
 * The operator's form of a policy, a node at a time:
 *
 *   us-east                                     one member
 *   all                                         { roundRobin: all }
 *   { roundRobin: all | [node, …], answers }
 *   { weighted: all | { us-east: 3, eu-west: 1 } | [node | { use: node, weight: 3 }, …] }
 *   { geo: [{ match: { country: [IN] }, use: node }, …], else: node }
 *   { nearest: all | [node, …], answers, biasKm: { eu-west: -500 } }
 *   { latency: all | [node, …], tolerance: 10ms, toleranceRatio: 0.1 }
 *   { failover: [node, …] }   { sticky: as weighted }   { leastLoad: all | [node, …] }
 *
 * and minHealthy on every node that is not a member.
 */

/** The kinds of node that are written as an object, and the options that each one takes. */
export const policyOptions: Readonly<
  Record<Exclude<PolicyNode['kind'], 'member'>, readonly string[]>
> = {
  roundRobin: ['answers'],
  weighted: [],
  geo: ['else'],
  nearest: ['answers', 'biasKm'],
  latency: ['tolerance', 'toleranceRatio'],
  failover: [],
  sticky: [],
  leastLoad: [],
};

type Kind = keyof typeof policyOptions;
const kinds = Object.keys(policyOptions) as Kind[];

/** What reading a node needs to know of its service. */
export interface PolicyContext {
  /** The service's members in file order: what `all` stands for. */
  readonly members: readonly string[];
  readonly findings: Findings;
}

/**
 * Reads one node and all below it; undefined when something is wrong. `depth` counts decisions from
 * 1; a member is none.
 */
export function parsePolicy(
  value: unknown,
  path: string,
  context: PolicyContext,
  depth = 1,
): PolicyNode | undefined {
  const { findings } = context;
  if (value === 'all') {
    return {
      kind: 'roundRobin',
      all: true,
      children: memberNodes(context),
      answers: limits.answersPerQuery,
    };
  }
  if (typeof value === 'string') {
    return isMember(value, path, context) ? { kind: 'member', member: value } : undefined;
  }
  if (depth > limits.policyDepth) {
    const message = `the policy is nested deeper than ${limits.policyDepth} nodes; flatten it`;
    findings.error('E_POLICY_DEPTH', path, message);
    return undefined;
  }
  const kind = kindOf(value, path, findings);
  if (kind === undefined) return undefined;
  const keys = [kind, ...policyOptions[kind], 'minHealthy'];
  const form = readObject(value, path, `a ${kind} node`, keys, findings);
  return form === undefined ? undefined : readNode(kind, form, path, context, depth);
}

/** Writes a node in the operator's form, without what is default; reads back equal. */
export function formatPolicy(node: PolicyNode): unknown {
  if (node.kind === 'member') return node.member;
  const options = node.minHealthy === undefined ? {} : { minHealthy: node.minHealthy };
  switch (node.kind) {
    case 'weighted':
    case 'sticky':
      return { [node.kind]: formatWeighted(node.children, node.all), ...options };
    case 'geo':
      return {
        geo: formatGeoRules(node.rules, formatPolicy),
        ...(node.otherwise === undefined ? {} : { else: formatPolicy(node.otherwise) }),
        ...options,
      };
    case 'roundRobin': {
      const answers = node.answers === limits.answersPerQuery ? {} : { answers: node.answers };
      return { roundRobin: formatChildren(node), ...answers, ...options };
    }
    case 'nearest':
      return {
        nearest: formatChildren(node),
        ...(node.answers === 1 ? {} : { answers: node.answers }),
        ...(node.biasKm.size === 0 ? {} : { biasKm: Object.fromEntries(node.biasKm) }),
        ...options,
      };
    case 'latency':
      return {
        latency: formatChildren(node),
        ...(node.toleranceMs === 10 ? {} : { tolerance: formatDuration(node.toleranceMs) }),
        ...(node.toleranceRatio === 0.1 ? {} : { toleranceRatio: node.toleranceRatio }),
        ...options,
      };
    case 'failover':
    case 'leastLoad':
      return { [node.kind]: formatChildren(node), ...options };
  }
}

function formatChildren(node: NodeOptions & { readonly children: readonly PolicyNode[] }): unknown {
  return node.all === true ? 'all' : node.children.map(formatPolicy);
}

function formatWeighted(children: readonly WeightedChild[], all: true | undefined): unknown {
  if (all === true) return 'all';
  const table: Record<string, number> = {};
  for (const { node, weight } of children) {
    if (node.kind === 'member' && weight !== undefined) table[node.member] = weight;
  }
  if (Object.keys(table).length === children.length) return table;
  return children.map(({ node, weight }) =>
    weight === undefined ? formatPolicy(node) : { use: formatPolicy(node), weight },
  );
}

function readNode(
  kind: Kind,
  form: Form,
  path: string,
  context: PolicyContext,
  depth: number,
): PolicyNode | undefined {
  const { findings } = context;
  const number = (key: string, bounds: { min: number; max: number; integer?: boolean }) =>
    readNumber(form[key], at(path, key), key, bounds, findings);
  const minHealthy = number('minHealthy', { min: 0, max: 1 });
  const answers = number('answers', { min: 1, max: limits.answersPerQuery, integer: true });
  const options = minHealthy === undefined ? {} : { minHealthy };
  const where = at(path, kind);
  switch (kind) {
    case 'weighted':
    case 'sticky':
      return { kind, ...options, ...readWeighted(form[kind], where, kind, context, depth) };
    case 'geo': {
      const use = (value: unknown, below: string) => parsePolicy(value, below, context, depth + 1);
      const rules = readGeoRules(form['geo'], where, use, findings);
      const otherwise =
        form['else'] === undefined ? undefined : use(form['else'], at(path, 'else'));
      return { kind, ...options, rules, otherwise };
    }
    case 'roundRobin': {
      const children = readChildren(form[kind], where, kind, context, depth);
      return { kind, ...options, ...children, answers: answers ?? limits.answersPerQuery };
    }
    case 'nearest': {
      const biasKm = readBias(form['biasKm'], at(path, 'biasKm'), context);
      const children = readChildren(form[kind], where, kind, context, depth);
      return { kind, ...options, ...children, answers: answers ?? 1, biasKm };
    }
    case 'latency': {
      const bounds = { min: 0, max: 10_000 };
      const tolerance = form['tolerance'];
      const ms = readDuration(tolerance, at(path, 'tolerance'), 'tolerance', bounds, findings);
      const toleranceRatio = number('toleranceRatio', { min: 0, max: 10 }) ?? 0.1;
      const children = readChildren(form[kind], where, kind, context, depth);
      return { kind, ...options, ...children, toleranceMs: ms ?? 10, toleranceRatio };
    }
    case 'failover':
    case 'leastLoad':
      return { kind, ...options, ...readChildren(form[kind], where, kind, context, depth) };
  }
}

function kindOf(value: unknown, path: string, findings: Findings): Kind | undefined {
  if (!isRecord(value)) {
    const remedy = Array.isArray(value)
      ? 'say what to do with the list, as { roundRobin: […] } or { failover: […] }'
      : `write a member's name, all, or one of { ${kinds.join(': …, ')}: … }`;
    findings.error('E_POLICY_SHAPE', path, `a policy is ${show(value)}; ${remedy}`);
    return undefined;
  }
  const found = kinds.filter((kind) => value[kind] !== undefined);
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    const message = `a policy node is both ${found.join(' and ')}; nest one in the other`;
    findings.error('E_POLICY_SHAPE', path, message);
    return undefined;
  }
  const keys = Object.keys(value);
  const close = keys.map((key) => suggest(key, kinds)).find((kind) => kind !== undefined);
  const remedy =
    close === undefined ? `use one of ${kinds.join(', ')}` : `did you mean "${close}"?`;
  const message = `a policy node ${show(value)} has no kind; ${remedy}`;
  findings.error('E_POLICY_SHAPE', path, message);
  return undefined;
}

interface Children<Child> {
  readonly all?: true;
  readonly children: readonly Child[];
}

function readChildren(
  value: unknown,
  path: string,
  kind: Kind,
  context: PolicyContext,
  depth: number,
): Children<PolicyNode> {
  if (value === 'all') return { all: true, children: memberNodes(context) };
  const bounds = { min: 1, max: limits.membersPerService };
  const list = readList(value, path, kind, bounds, context.findings) ?? [];
  const children = list.flatMap(
    (entry, index) => parsePolicy(entry, at(path, index), context, depth + 1) ?? [],
  );
  return { children };
}

function readWeighted(
  value: unknown,
  path: string,
  kind: Kind,
  context: PolicyContext,
  depth: number,
): Children<WeightedChild> {
  const { findings } = context;
  if (value === 'all')
    return { all: true, children: memberNodes(context).map((node) => ({ node })) };
  const weightBounds = { min: 0, max: limits.memberWeight, integer: true };
  if (isRecord(value)) {
    const entries = Object.entries(value);
    if (entries.length === 0) {
      findings.error('E_FORM_RANGE', path, `${kind} is empty; name at least one member`);
    }
    const children = entries.flatMap(([member, raw]): WeightedChild[] => {
      const where = at(path, member);
      const weight = readNumber(raw, where, 'weight', weightBounds, findings);
      if (!isMember(member, where, context) || weight === undefined) return [];
      return [{ node: { kind: 'member', member }, weight }];
    });
    return { children };
  }
  const bounds = { min: 1, max: limits.membersPerService };
  const list = readList(value, path, kind, bounds, findings) ?? [];
  const children = list.flatMap((entry, index): WeightedChild[] => {
    const where = at(path, index);
    if (!isRecord(entry) || (entry['use'] === undefined && entry['weight'] === undefined)) {
      const node = parsePolicy(entry, where, context, depth + 1);
      return node === undefined ? [] : [{ node }];
    }
    const form = readObject(entry, where, 'a weighted child', ['use', 'weight'], findings);
    if (form === undefined || !mustHave(form, 'use', where, 'a weighted child', findings))
      return [];
    const node = parsePolicy(form['use'], at(where, 'use'), context, depth + 1);
    const weightAt = at(where, 'weight');
    const weight = readNumber(form['weight'], weightAt, 'weight', weightBounds, findings);
    if (node === undefined) return [];
    return [weight === undefined ? { node } : { node, weight }];
  });
  return { children };
}

function readBias(value: unknown, path: string, context: PolicyContext): Map<string, number> {
  const bias = new Map<string, number>();
  if (value === undefined) return bias;
  if (!isRecord(value)) {
    const message = `biasKm is ${show(value)}; write kilometres by member, as { eu-west: -500 }`;
    context.findings.error('E_FORM_TYPE', path, message);
    return bias;
  }
  const bounds = { min: -limits.biasKm, max: limits.biasKm };
  for (const [member, raw] of Object.entries(value)) {
    const where = at(path, member);
    const km = readNumber(raw, where, 'bias in km', bounds, context.findings);
    if (isMember(member, where, context) && km !== undefined) bias.set(member, km);
  }
  return bias;
}

function memberNodes(context: PolicyContext): { kind: 'member'; member: string }[] {
  return context.members.map((member) => ({ kind: 'member', member }));
}

function isMember(name: string, path: string, context: PolicyContext): boolean {
  if (context.members.includes(name)) return true;
  const message = `"${name}" is no member of this service${hint(name, context.members)}`;
  context.findings.error('E_MEMBER_UNKNOWN', path, `${message}; add it to members or name another`);
  return false;
}
