import { readFileSync } from 'node:fs';
import { registerApply } from './cli/apply.ts';
import { registerCheck } from './cli/check.ts';
import { registerExplain } from './cli/explain.ts';
import { registerExport } from './cli/export.ts';
import { createProgram, processTerminal, runProgram } from './cli/program.ts';
import { registerServe } from './cli/serve.ts';
import { registerSimulate } from './cli/simulate.ts';

const manifest = new URL('../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
const program = createProgram(version, processTerminal);
registerServe(program, processTerminal, version);
registerApply(program, processTerminal);
registerExport(program, processTerminal);
registerCheck(program, processTerminal);
registerExplain(program, processTerminal);
registerSimulate(program, processTerminal);
process.exitCode = await runProgram(program, process.argv.slice(2), processTerminal);
