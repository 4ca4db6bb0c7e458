/** Entry of the threads that answer queries; `workerData` is a WorkerStart. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { errorText } from '../base/errors.ts';
import { letGoOfShared } from '../base/shared-memory.ts';
import { emptyImage, updateImage } from './image.ts';
import { openUdpBackend, shortenSlices } from './open-udp.ts';
import { practise } from './practise.ts';
import { Responder } from './responder.ts';
import { openTcp } from './tcp.ts';
import { serveUdp, type UdpControl, udpAddresses } from './udp.ts';
import type { FromWorker, ToWorker, UdpStart, WorkerStart } from './worker-messages.ts';

const start = workerData as WorkerStart;
if (parentPort === null) throw new Error('this file is the entry of a worker thread');
const port = parentPort;

const responder = new Responder(
  start.settings,
  start.counters,
  start.seed,
  systemClock,
  start.traffic,
);
responder.image = updateImage(emptyImage, start.image);
const tell = (message: FromWorker) => port.postMessage(message);

function take({ update, replacedBytes }: Extract<ToWorker, { kind: 'update' }>): void {
  try {
    // One reference is swapped between two queries: none sees half an update.
    responder.image = updateImage(responder.image, update);
    tell({ kind: 'taken', epoch: update.epoch });
    letGoOfShared(replacedBytes);
  } catch (error) {
    tell({ kind: 'refused', epoch: update.epoch, reason: errorText(error) });
  }
}

/** Serves datagrams: messages are taken between batches, since the thread may see no events. */
async function runUdp({ io, threads, memory, practice, quarantined }: UdpStart): Promise<void> {
  const { addresses, descriptors, reusePort, settings } = start;
  shortenSlices();
  practise(practice, settings);
  const options = { addresses: udpAddresses(addresses, descriptors), memory, reusePort, threads };
  const backend = await openUdpBackend(io, options);
  const control: UdpControl = {
    quarantined,
    turn: () => {
      let goesOn = true;
      for (;;) {
        const message = receiveMessageOnPort(port)?.message as ToWorker | undefined;
        if (message === undefined) return goesOn;
        if (message.kind === 'update') take(message);
        else if (message.kind === 'quarantine') control.quarantined = message.requests;
        else goesOn = false;
      }
    },
  };
  tell({ kind: 'ready', descriptors: backend.descriptors });
  await serveUdp(responder, backend, control);
  port.close();
}

async function runStreams(): Promise<void> {
  const server = await openTcp(responder, start.addresses, systemClock, start.descriptors);
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'update') take(message);
    else if (message.kind === 'close') void server.close().then(() => port.close());
  });
  tell({ kind: 'ready', descriptors: server.descriptors });
}

await (start.udp === undefined ? runStreams() : runUdp(start.udp));
