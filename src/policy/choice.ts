/**
 * What a policy comes down to for one (client class, health, family): all that is left for the query
 * is rotation, a random number or a hash.
 *
 *   weighted ── 3 ── fixed [us-east]
 *            └─ 1 ── rotate [eu-west, ap-south]
 */
export type Choice =
  /** No VIP of this family, or `whenAllDown: nodata`. */
  | { readonly kind: 'empty' }
  /** These VIPs in this order. */
  | { readonly kind: 'fixed'; readonly vips: readonly Vip[] }
  /** Up to `answers` of these VIPs, starting at a place that moves on. */
  | { readonly kind: 'rotate'; readonly vips: readonly Vip[]; readonly answers: number }
  /** One alternative, with probability proportional to its weight (> 0). */
  | { readonly kind: 'weighted'; readonly alternatives: readonly Alternative[] }
  /** One alternative by weighted rendezvous hash of the client's prefix. */
  | { readonly kind: 'sticky'; readonly alternatives: readonly Alternative[] };

export interface Alternative {
  readonly weight: number;
  /** Names the alternative to the rendezvous hash: stays the same whoever else is there. */
  readonly key: number;
  readonly choice: Choice;
}

/** One address to answer with, and whose it is. */
export interface Vip {
  readonly member: string;
  /** Canonical text. */
  readonly address: string;
}

/** Why a member is not in the answer; the words of explain. */
export type DropReason =
  | 'no-address' // has no VIP of the family
  | 'drained' // region or member drained, or dial 0
  | 'down' // verdict
  | 'admin-down'
  | 'weight-0'
  | 'not-chosen'; // eligible, but the policy preferred others

/** How the evaluator came to its choice, in the order of the tree; a tree of steps. */
export interface TraceStep {
  /** Path in the policy: `geo.else.latency`. */
  readonly path: string;
  readonly kind: string;
  /** One sentence: `matched country IN`, `2 of 3 members healthy, less than minHealthy 0.8`. */
  readonly note: string;
  readonly failed: boolean;
}

export interface Evaluation {
  readonly choice: Choice;
  /** Seconds, from the service's TTL range and how close a chosen member is to a change. */
  readonly ttlSeconds: number;
  /** True when nothing was eligible and `whenAllDown` decided. */
  readonly failedOpen: boolean;
  readonly trace: readonly TraceStep[];
  readonly members: readonly MemberTrace[];
}

export interface MemberTrace {
  readonly member: string;
  readonly chosen: boolean;
  readonly dropped?: DropReason;
  /** Share of this class's clients that the choice sends here, 0 to 1. */
  readonly share: number;
  readonly weight: number;
  /** Part of its clients that dial, ramp and spill leave it at present, where that is below 1. */
  readonly takes?: number;
  readonly distanceKm?: number;
  readonly latencyMs?: number;
  readonly latencySource?: string;
  readonly latencySamples?: number;
}
