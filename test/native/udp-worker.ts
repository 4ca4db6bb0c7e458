/** The thread that a UDP backend under test runs in: `workerData` is a StartedWith. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { peerWords } from '../../native/udp_batch/udp-memory.ts';
import { openUdpBackend } from '../../src/server/open-udp.ts';
import { commands, type FromBackend, type StartedWith, type ToBackend } from './udp-commands.ts';

if (parentPort === null) throw new Error('this file is the entry of a worker thread');
const port = parentPort;
const start = workerData as StartedWith;
const tell = (message: FromBackend) => port.postMessage(message);

async function run(): Promise<void> {
  const backend = await openUdpBackend(start.io, start.options);
  const { bytes, peers } = backend.views;
  const view = new DataView(backend.views.slots);
  let image = 0;
  tell({ ready: backend.addresses, descriptors: backend.descriptors });
  await backend.serve({
    answer: (at, requestBytes, capacity, peer) => {
      switch (bytes[at]) {
        case commands.drop:
          return 0;
        case commands.fill:
          bytes.fill(bytes[at + 1] ?? 0, at + 2, at + capacity);
          return capacity;
        case commands.peer:
          for (let word = 0; word < peerWords; word += 1) {
            view.setInt32(at + word * 4, peers[peer + word] ?? 0);
          }
          view.setInt32(at + peerWords * 4, requestBytes);
          return peerWords * 4 + 4;
        case commands.image:
          view.setInt32(at, image);
          return 4;
        case commands.stall:
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
          return requestBytes;
        case commands.die:
          bytes.fill(0xff, at, at + capacity);
          process.exit(7);
      }
      return requestBytes;
    },
    turn: () => {
      let goesOn = true;
      for (;;) {
        const message = receiveMessageOnPort(port)?.message as ToBackend | undefined;
        if (message === undefined) return goesOn;
        if (message === 'stop') {
          goesOn = false;
        } else {
          image = message.image;
          tell({ taken: image });
        }
      }
    },
  });
  tell({ stopped: true });
}

await run().catch((error: NodeJS.ErrnoException) => {
  tell({ failed: { code: error.code ?? '', message: error.message } });
});
