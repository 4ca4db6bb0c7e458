/**
 * HTTP servers as a program, for a network of its own.
 *
 * Run: node origins-program.ts PORT ADDRESS …
 */
import { Origin } from './origin.ts';

const [port, ...addresses] = process.argv.slice(2);
for (const address of addresses) await new Origin(address, Number(port)).start();
process.stdout.write('ready\n');
