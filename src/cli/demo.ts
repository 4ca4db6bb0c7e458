import { fork } from 'node:child_process';
import { MeridianError } from '../base/errors.ts';

/** The demonstration's origins, in a process of their own so that what dies is real. */
export interface Demo {
  close(): Promise<void>;
}

/** Regions of zones/traffic.yaml, each with the loopback address that its members have there. */
export const demoOrigins = [
  'us-east',
  'us-west',
  'eu-west',
  'eu-central',
  'ap-south',
  'ap-northeast',
].map((region, index) => ({ region, address: `127.0.1.${index + 1}` }));

export const demoPort = 18_080;

/** Starts the origins; throws E_DEMO_ORIGINS when they cannot listen. */
export function startDemo(): Promise<Demo> {
  const child = fork(new URL('./demo-process.ts', import.meta.url), [], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const refuse = (reason: string) => {
      const text = `the demonstration's origins cannot start: ${reason}; stop what uses port ${demoPort}, or serve without --demo`;
      reject(new MeridianError({ code: 'E_DEMO_ORIGINS', message: text, where: '--demo' }));
    };
    // A process that ends before it has said anything must not be waited for.
    child.once('error', (error) => refuse(error.message));
    child.once('exit', (code, signal) => refuse(`their process ended (${signal ?? code})`));
    child.once('message', (message: { readonly ready?: true; readonly error?: string }) => {
      if (message.error === undefined) resolve({ close: () => stop() });
      else refuse(message.error);
    });
    const stop = () =>
      new Promise<void>((done) => {
        if (child.exitCode !== null || child.signalCode !== null) return done();
        child.once('exit', () => done());
        child.ref();
        if (child.connected) child.disconnect();
      });
    // The parent must be able to end while its origins still run.
    child.unref();
  });
}
