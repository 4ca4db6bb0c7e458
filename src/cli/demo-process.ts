import { errorText } from '../base/errors.ts';
import { demoOrigins, demoPort } from './demo.ts';
import { startDemoOrigins } from './demo-origins.ts';

// Ctrl-C goes to the whole process group; the parent ends this process when it is done itself.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
try {
  await startDemoOrigins(demoOrigins, demoPort);
  process.send?.({ ready: true });
} catch (error) {
  process.send?.({ error: errorText(error) });
  process.disconnect?.();
}
