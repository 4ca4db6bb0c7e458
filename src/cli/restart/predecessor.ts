import { type FromPredecessor, type FromSuccessor, socketsVariable } from './messages.ts';
import type { NodeSockets } from './node-sockets.ts';

/** How long the process before may take to answer what it has received, milliseconds. */
const partingMs = 10_000;

/** The process whose place this one takes. */
export interface Predecessor {
  readonly sockets: NodeSockets;
  /** Says that all is prepared; resolves when the store is free, also when that process is gone. */
  prepared(): Promise<void>;
  /** Says that this process answers; resolves when the other one does so no more. */
  complete(): Promise<void>;
}

/** The process that started this one to take its place; undefined after a start of any other kind. */
export function findPredecessor(): Predecessor | undefined {
  const text = process.env[socketsVariable];
  // Commands that this process runs shall not think that they are meant.
  delete process.env[socketsVariable];
  if (text === undefined || process.send === undefined) return undefined;
  const tell = (message: FromSuccessor) => {
    if (process.connected) process.send?.(message);
  };
  return {
    sockets: JSON.parse(text) as NodeSockets,
    prepared: () =>
      new Promise((resolve) => {
        process.on('message', (message: FromPredecessor) => {
          if (message.kind === 'released') resolve();
        });
        process.once('disconnect', () => resolve());
        if (process.connected) tell({ kind: 'prepared' });
        else resolve();
      }),
    complete: () =>
      new Promise((resolve) => {
        if (!process.connected) return resolve();
        const patience = setTimeout(resolve, partingMs);
        process.once('disconnect', () => {
          clearTimeout(patience);
          resolve();
        });
        tell({ kind: 'complete' });
      }),
  };
}
