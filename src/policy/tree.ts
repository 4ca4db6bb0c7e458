import type { PolicyNode } from './traffic.ts';

/** The children of a node in the order in which it is written. */
export function childrenOf(node: PolicyNode): readonly PolicyNode[] {
  switch (node.kind) {
    case 'member':
      return [];
    case 'weighted':
    case 'sticky':
      return node.children.map((child) => child.node);
    case 'geo': {
      const targets = node.rules.map((rule) => rule.use);
      return node.otherwise === undefined ? targets : [...targets, node.otherwise];
    }
    default:
      return node.children;
  }
}

/** The members that a tree names, each once, in the order of the tree. */
export function membersBelow(node: PolicyNode): readonly string[] {
  const members = new Set<string>();
  for (const at of nodesOf(node)) if (at.kind === 'member') members.add(at.member);
  return [...members];
}

/** Every node of a tree, parents before children, in the order of the tree. */
export function* nodesOf(node: PolicyNode): Generator<PolicyNode> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}

/** True when two clients may get different choices from the tree (a sticky hash is no choice yet). */
export function dependsOnClient(node: PolicyNode): boolean {
  for (const { kind } of nodesOf(node)) {
    if (kind === 'geo' || kind === 'nearest' || kind === 'latency') return true;
  }
  return false;
}
