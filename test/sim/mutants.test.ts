import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type Mutant, mutants } from './mutants/mutants.ts';

/** A planted fault that survives so many seeds has not been noticed. */
const seeds = 400;

const plant = pathToFileURL(join(import.meta.dirname, 'mutants/plant.ts')).href;
const hunt = join(import.meta.dirname, 'mutants/hunt.ts');

function huntFor({ name, world, from = 1 }: Mutant): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, MERIDIAN_SIM_MUTANT: name };
    const args = ['--import', plant, hunt, world, String(seeds), String(from)];
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
    });
  });
}

test('planted faults are at least fifteen, and all different', () => {
  assert.ok(mutants.length >= 15);
  assert.equal(new Set(mutants.map(({ name }) => name)).size, mutants.length);
});

for (const mutant of mutants) {
  test(`the simulation notices that ${mutant.name}`, async (t) => {
    const { code, output } = await huntFor(mutant);
    t.diagnostic(output.trim().split('\n').slice(-1)[0] ?? '');
    assert.equal(code, 0, `not noticed in ${seeds} seeds:\n${output}`);
  });
}
