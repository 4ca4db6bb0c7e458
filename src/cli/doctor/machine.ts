import { type Finding, findingsOf } from './finding.ts';

/** The least version of Node that runs Meridian: type stripping, node:sqlite, reusePort. */
const leastNode = 24;

/** What a worker asks for its sockets, in bytes (native/udp_batch/udp-backend.ts). */
const wantedBufferBytes = 4 * 1024 * 1024;

/** Judges the version of Node, as `process.versions.node` has it. */
export function checkNode(version: string): Finding {
  const { ok, fail } = findingsOf('node');
  const major = Number(version.split('.')[0]);
  if (major >= leastNode) return ok(`Node ${version}`);
  return fail(
    `Node ${version} is too old`,
    `install Node ${leastNode} or later, or start Meridian as bin/meridian.js, which finds the Node that npm installed`,
  );
}

/**
 * Says by what packets are moved; `reason` is why they do not move in batches, where they do not, and
 * `xdpReason` why they cannot be taken off interfaces by AF_XDP, where they cannot.
 */
export function checkUdpBackend(reason: string | undefined, xdpReason?: string): Finding {
  const { ok, warn } = findingsOf('udp');
  if (reason === undefined) {
    const xdp = xdpReason === undefined ? '--io xdp can be had too' : `no --io xdp: ${xdpReason}`;
    return ok(`packets move in batches (native/udp_batch); ${xdp}`);
  }
  return warn(
    `packets move through node:dgram, one at a time, for more than twice the CPU: ${reason}`,
    'install a C compiler (apt-get install gcc libc6-dev) and run node native/udp_batch/build.ts',
  );
}

/**
 * Judges the limit of a socket's receive buffer: `rmemMax` is the text of
 * /proc/sys/net/core/rmem_max, undefined where there is none.
 */
export function checkReceiveBuffer(rmemMax: string | undefined): Finding {
  const { ok, warn } = findingsOf('buffers');
  const bytes = Number(rmemMax?.trim());
  if (rmemMax === undefined || !Number.isInteger(bytes)) {
    return ok('the limit of receive buffers is not to be seen on this system');
  }
  const text = `sockets may have receive buffers of ${Math.floor(bytes / 1024)} KiB (net.core.rmem_max)`;
  if (bytes >= wantedBufferBytes) return ok(text);
  return warn(
    `${text}; Meridian asks for ${wantedBufferBytes / 1024} KiB, and bursts of queries may be lost`,
    `sysctl -w net.core.rmem_max=${wantedBufferBytes}, and the same in /etc/sysctl.d/`,
  );
}

/** What the clock is compared with. */
export interface ClockEvidence {
  readonly nowMs: number;
  /** When Meridian's own files were last changed; a clock before that is wrong. */
  readonly installedMs: number;
  /** When the newest revision was made, where a store says so. */
  readonly revisionMs?: number;
  /** The time of another machine or process that answered just now. */
  readonly peerMs?: number;
}

/** Judges the clock: expiries, certificates and serials depend on it. */
export function checkClock({ nowMs, installedMs, revisionMs, peerMs }: ClockEvidence): Finding {
  const { ok, warn, fail } = findingsOf('clock');
  const now = new Date(nowMs).toISOString();
  const remedy = 'set it, and keep it with NTP (chrony, systemd-timesyncd)';
  // Clocks may differ a little from that of whoever packed the files.
  if (nowMs < installedMs - 86_400_000) {
    return fail(`the clock says ${now}, before Meridian was installed`, remedy);
  }
  if (revisionMs !== undefined && nowMs < revisionMs - 5000) {
    const then = new Date(revisionMs).toISOString();
    return fail(`the clock says ${now}, before the newest revision (${then})`, remedy);
  }
  const apartMs = peerMs === undefined ? 0 : Math.abs(nowMs - peerMs);
  if (apartMs > 5000) {
    const text = `the clock and that of the node are ${Math.round(apartMs / 1000)} s apart`;
    return warn(text, remedy);
  }
  return ok(`the clock says ${now}`);
}
