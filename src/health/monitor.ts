/** How one kind of check is made; DESIGN.md §1 "monitor". Times are milliseconds. */
export interface Monitor {
  readonly type: 'tcp' | 'http' | 'https' | 'tls' | 'dns' | 'icmp' | 'exec';
  /** Default 10 s. */
  readonly intervalMs: number;
  /** Always less than the interval. Default 4 s. */
  readonly timeoutMs: number;
  /** Consecutive failures before a target counts as down. Default 3. */
  readonly fall: number;
  /** Consecutive successes before a target counts as up. Default 2. */
  readonly rise: number;
  /** Whose word it takes: DESIGN.md §6. Default `majority`. */
  readonly quorum: 'any' | 'majority' | 'all' | number;
  /** Agents and agent regions that check and judge; absent: all of them. */
  readonly from?: readonly string[];
  /**
   * Addresses known to work, canonical text. Agents check them as well, to know whether they
   * themselves are well: one of whose canaries more than half fail has no vote.
   */
  readonly canaries?: readonly string[];
  /**
   * Default by type: 80, 443 for https and tls, 53; tcp needs one. For icmp the port that is
   * checked over tcp by agents that may not send echo requests, default 443.
   */
  readonly port: number | undefined;
  readonly http?: HttpCheck;
  readonly tls?: TlsCheck;
  readonly dns?: DnsCheck;
  readonly exec?: ExecCheck;
}

export interface HttpCheck {
  readonly method: 'GET' | 'HEAD';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Host header and SNI; the VIP itself when absent. */
  readonly host?: string;
  /** Accepted status codes as inclusive ranges; default 200–299. */
  readonly statuses: readonly (readonly [number, number])[];
  /** The body (first 64 KiB) must hold this text. */
  readonly bodyIncludes?: string;
  /** The body must match this regular expression. */
  readonly bodyMatches?: string;
  /** Follow up to this many redirects; each hop passes the SSRF guard. Default 0. */
  readonly redirects: number;
}

export interface TlsCheck {
  readonly serverName?: string;
  /** Verify the chain and the name. Default true. */
  readonly verify: boolean;
  /** Fewer days of validity left than this is `degraded`. Default 7. */
  readonly minDaysLeft: number;
  /** Extra trust anchors, PEM. */
  readonly ca?: string;
}

export interface DnsCheck {
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  /** One answer must equal this text. */
  readonly answer?: string;
}

export interface ExecCheck {
  /** Program and arguments; `{address}` and `{port}` are replaced. Exit 0 up, 1 down, 2 degraded. */
  readonly command: readonly string[];
}
