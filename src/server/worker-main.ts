/** Entry of the threads that answer queries; `workerData` is a WorkerStart. */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { emptyImage, updateImage } from './image.ts';
import { Responder } from './responder.ts';
import { openTcp } from './tcp.ts';
import { openUdp } from './udp.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-messages.ts';

const start = workerData as WorkerStart;
const port = parentPort;
if (port === null) throw new Error('this file is the entry of a worker thread');

const responder = new Responder(start.settings, start.counters, start.seed);
responder.image = updateImage(emptyImage, start.image);
const server =
  start.kind === 'udp'
    ? await openUdp(responder, start.addresses, start.reusePort)
    : await openTcp(responder, start.addresses, systemClock);

const tell = (message: FromWorker) => port.postMessage(message);

port.on('message', (message: ToWorker) => {
  if (message.kind === 'close') {
    void server.close().then(() => port.close());
    return;
  }
  const { update } = message;
  try {
    // One reference is swapped between two queries: none sees half an update.
    responder.image = updateImage(responder.image, update);
    tell({ kind: 'taken', epoch: update.epoch });
  } catch (error) {
    tell({ kind: 'refused', epoch: update.epoch, reason: errorText(error) });
  }
});
tell({ kind: 'ready' });
