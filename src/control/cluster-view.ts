/** One live member of a cluster, by its last heartbeat. */
export interface NodeView {
  readonly id: string;
  readonly role: 'all' | 'controller' | 'node';
  /** Where its API is, for other controllers; empty where it has none to offer. */
  readonly url: string;
  readonly version: string;
  /** Where its store stands, and the chain hash there. */
  readonly term: number;
  readonly sequence: number;
  readonly digest: string;
  /** The revision that its answers come from. */
  readonly serving: number;
  /** Age of what it steers health by, milliseconds; null before the first word. */
  readonly healthAgeMs: number | null;
  /** Whose word on health it steers by. */
  readonly healthSource: 'own' | 'leader';
  /** RFC 3339: when its process started, and when its store came to where it is. */
  readonly startedAt: string;
  readonly since: string;
  readonly leads: boolean;
  /** True for the process that answers. */
  readonly self: boolean;
}

/** How far a revision has come. */
export interface ServedBy {
  /** Live members that serve it or a later one, of so many. */
  readonly serving: number;
  readonly live: number;
  /** Ids of those that do not, at most 20. */
  readonly missing: readonly string[];
  /** When all that lived did, as far as this process saw it; null: not yet, or before it started. */
  readonly at: string | null;
}

/** A cluster at a moment, from where this process stands. */
export interface ClusterState {
  readonly id: string;
  readonly leader: string | null;
  readonly leads: boolean;
  readonly term: number;
  readonly sequence: number;
  readonly busUp: boolean;
  readonly busSilenceMs: number;
  readonly healthAgeMs: number | null;
  readonly healthSource: 'own' | 'leader';
  readonly live: number;
}

/** What the API and the metrics ask of a cluster. */
export interface ClusterView {
  state(): ClusterState;
  nodes(): readonly NodeView[];
  /** Who leads, and where its API is (empty where it did not say); undefined while nobody is known to. */
  leader(): { readonly id: string; readonly url: string; readonly isSelf: boolean } | undefined;
  servedBy(revision: number): ServedBy;
  /** Resolves when every live member serves a revision, or with what is missing after a time. */
  waitServed(revision: number, timeoutMs: number): Promise<ServedBy>;
  /** What was refused or went wrong since the start, by reason. */
  counters(): Readonly<Record<string, number>>;
}
