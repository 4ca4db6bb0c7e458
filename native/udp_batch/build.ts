/**
 * Compiles the addon with the C compiler of the machine (CC, default cc) into
 * native/build/udp_batch-<platform>-<arch>.node, unless the one there was made of the same sources.
 *
 *   node native/udp_batch/build.ts [--optional] [--strict]
 *
 * `--optional` exits with 0 whatever happens, for use at installation: without the addon the server
 * falls back to node:dgram. `--strict` makes every warning an error, for continuous integration.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { addonPath } from './addon-path.ts';

const flags = ['-std=c11', '-O2', '-fPIC', '-shared', '-pthread', '-fstack-protector-strong'];
const warnings = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wno-sign-conversion'];

const isOptional = process.argv.includes('--optional');
const isStrict = process.argv.includes('--strict');

function sourceFiles(extension: string): string[] {
  return readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(extension))
    .sort()
    .map((name) => join(import.meta.dirname, name));
}

/** Where node_api.h is: in the package made for this, else beside an installed Node. */
function findHeaders(): string | undefined {
  const places = [join(dirname(dirname(process.execPath)), 'include', 'node')];
  try {
    const manifest = createRequire(import.meta.url).resolve('node-api-headers/package.json');
    places.unshift(join(dirname(manifest), 'include'));
  } catch {
    // Not installed: a production install leaves development dependencies out.
  }
  return places.find((place) => existsSync(join(place, 'node_api.h')));
}

/** Says what happened, in one line; a failure ends the process. */
function finish(text: string, isFailure = false): void {
  const stream = isFailure ? process.stderr : process.stdout;
  stream.write(`udp_batch: ${text}\n`);
  process.exitCode = isFailure && !isOptional ? 1 : 0;
}

const fallback = 'the server will use node:dgram, which takes more than twice the CPU per query';

function build(): void {
  if (process.platform !== 'linux') {
    finish(`needs Linux, this is ${process.platform}; ${fallback}`);
    return;
  }
  const headers = findHeaders();
  if (headers === undefined) {
    finish(`node_api.h was not found; npm install node-api-headers. Until then ${fallback}`, true);
    return;
  }
  const compiler = process.env['CC'] || 'cc';
  const options = [...flags, ...warnings, ...(isStrict ? ['-Werror'] : [])];
  const hash = createHash('sha256').update(JSON.stringify([compiler, flags]));
  for (const file of [...sourceFiles('.c'), ...sourceFiles('.h')]) hash.update(readFileSync(file));
  const digest = hash.digest('hex');
  const digestPath = `${addonPath}.sha256`;
  if (existsSync(addonPath) && existsSync(digestPath)) {
    if (readFileSync(digestPath, 'utf8') === digest) {
      finish(`${addonPath} is up to date`);
      return;
    }
  }
  mkdirSync(dirname(addonPath), { recursive: true });
  // A process that has the old file mapped keeps it: the name moves to a new one.
  const temporary = `${addonPath}.${process.pid}`;
  const compiled = spawnSync(
    compiler,
    [...options, '-I', headers, '-o', temporary, ...sourceFiles('.c')],
    { encoding: 'utf8' },
  );
  if (compiled.error !== undefined) {
    finish(`no C compiler (${compiler}: ${compiled.error.message}); ${fallback}`, true);
    return;
  }
  if (compiled.status !== 0) {
    finish(`${compiler} failed; ${fallback}\n${compiled.stderr}`, true);
    return;
  }
  renameSync(temporary, addonPath);
  writeFileSync(digestPath, digest);
  finish(`built ${addonPath}`);
}

try {
  build();
} catch (error) {
  finish(`${error instanceof Error ? error.message : String(error)}; ${fallback}`, true);
}
