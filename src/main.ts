import { readFileSync } from 'node:fs';
import { createProgram, processTerminal, runProgram } from './cli/program.ts';
import { registerServe } from './cli/serve.ts';

const manifest = new URL('../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
const program = createProgram(version, processTerminal);
registerServe(program, processTerminal, version);
process.exitCode = await runProgram(program, process.argv.slice(2), processTerminal);
