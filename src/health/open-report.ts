import { type KeyObject, verify } from 'node:crypto';
import type { Layout, PackedReport } from './packed-report.ts';
import {
  decodeBody,
  decodeHead,
  maxReportBytes,
  signaturePart,
  signedPart,
} from './report-codec.ts';

/** An agent whose reports may be believed. */
export interface KnownAgent {
  readonly region: string;
  /** Ed25519. */
  readonly key: KeyObject;
  readonly isRevoked: boolean;
}

/** Why a report is not believed. */
export type RefusalReason =
  | 'too-large'
  | 'malformed'
  | 'unknown-agent'
  | 'revoked'
  | 'signature'
  | 'plan'
  | 'replay'
  | 'boot';

/** A report that was not taken. */
export interface Refusal {
  readonly refused: RefusalReason;
  /** The name in it; nobody has vouched for that before the signature was found good. */
  readonly agent: string | undefined;
}

/**
 * Makes of octets a report that can be believed: they are well-formed, an enrolled agent has signed
 * them, and they speak of a plan that is known. Pure: equal octets, agents and plans give an equal
 * result on every controller. Whether the report is newer than what is known is for the roster.
 *
 * @param agents by name
 * @param plans the layouts of plans that may be reported on, by digest (hex)
 */
export function openReport(
  bytes: Uint8Array,
  agents: ReadonlyMap<string, KnownAgent>,
  plans: ReadonlyMap<string, Layout>,
): PackedReport | Refusal {
  if (bytes.length > maxReportBytes) return { refused: 'too-large', agent: undefined };
  const head = decodeHead(bytes);
  if (head === undefined) return { refused: 'malformed', agent: undefined };
  const { agent } = head;
  const known = agents.get(agent);
  if (known === undefined) return { refused: 'unknown-agent', agent };
  if (known.isRevoked) return { refused: 'revoked', agent };
  if (!verify(null, signedPart(bytes), known.key, signaturePart(bytes))) {
    return { refused: 'signature', agent };
  }
  const layout = plans.get(head.planDigest);
  if (layout === undefined || layout.ids.length !== head.checks) return { refused: 'plan', agent };
  return decodeBody(bytes, head, layout, known.region);
}
