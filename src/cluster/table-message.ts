import type { TableMessage } from './bus.ts';
import type { Envelope } from './messages.ts';

/**
 * What one message of a table says: values by key, all of them or those that moved (null: gone). The
 * position stands inside, too, since what travels beside the signed bytes proves nothing.
 */
export interface TableContent {
  readonly full: boolean;
  readonly term: number;
  readonly sequence: number;
  readonly entries: readonly (readonly [key: string, value: unknown])[];
  /** What holds for the table as a whole. */
  readonly note?: unknown;
}

/** Tables that are made of such messages. */
export type KeyedTable = 'health' | 'latency';

/** Signs a message of a table. */
export function sealTable(
  envelope: Envelope,
  table: KeyedTable,
  content: TableContent,
): TableMessage {
  const { full, term, sequence } = content;
  return { position: { term, sequence }, full, bytes: envelope.seal(table, content) };
}

/** Opens a message; undefined when it is not the cluster's, or belongs to another place. */
export function openTable(
  envelope: Envelope,
  table: KeyedTable,
  message: TableMessage,
): TableContent | undefined {
  const content = envelope.open(table, message.bytes) as TableContent | undefined;
  if (content === undefined) return undefined;
  const { position, full } = message;
  const isHere =
    content.term === position.term &&
    content.sequence === position.sequence &&
    content.full === full;
  return isHere ? content : undefined;
}
