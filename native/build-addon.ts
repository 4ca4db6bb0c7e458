/**
 * Compiles an addon with the C compiler of the machine (CC, default cc) into
 * native/build/<name>-<platform>-<arch>.node, unless the one there was made of the same sources.
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
import { addonFile } from './addon-file.ts';

const flags = ['-std=c11', '-O2', '-fPIC', '-shared', '-pthread', '-fstack-protector-strong'];
const warnings = ['-Wall', '-Wextra', '-Wshadow', '-Wconversion', '-Wno-sign-conversion'];

/** What there is to build. */
export interface Addon {
  /** Also the folder below native/. */
  readonly name: string;
  /** What is done without it: `the server will use …`. */
  readonly fallback: string;
}

/**
 * Builds an addon and says what happened in one line; a failure sets the exit code. Of the process's
 * arguments, `--optional` exits with 0 whatever happens, for use at installation, and `--strict` makes
 * every warning an error, for continuous integration.
 */
export function buildAddon(addon: Addon): void {
  try {
    build(addon);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    finish(addon, `${text}; ${addon.fallback}`, true);
  }
}

function finish({ name }: Addon, text: string, isFailure = false): void {
  const stream = isFailure ? process.stderr : process.stdout;
  stream.write(`${name}: ${text}\n`);
  process.exitCode = isFailure && !process.argv.includes('--optional') ? 1 : 0;
}

function build(addon: Addon): void {
  const { name, fallback } = addon;
  if (process.platform !== 'linux') {
    finish(addon, `needs Linux, this is ${process.platform}; ${fallback}`);
    return;
  }
  const headers = findHeaders();
  if (headers === undefined) {
    const remedy = 'npm install node-api-headers. Until then';
    finish(addon, `node_api.h was not found; ${remedy} ${fallback}`, true);
    return;
  }
  const compiler = process.env['CC'] || 'cc';
  const strict = process.argv.includes('--strict') ? ['-Werror'] : [];
  const options = [...flags, ...warnings, ...strict];
  const hash = createHash('sha256').update(JSON.stringify([compiler, flags]));
  for (const file of [...sources(name, '.c'), ...sources(name, '.h')]) {
    hash.update(readFileSync(file));
  }
  const digest = hash.digest('hex');
  const addonPath = addonFile(name);
  const digestPath = `${addonPath}.sha256`;
  if (existsSync(addonPath) && existsSync(digestPath)) {
    if (readFileSync(digestPath, 'utf8') === digest) {
      finish(addon, `${addonPath} is up to date`);
      return;
    }
  }
  mkdirSync(dirname(addonPath), { recursive: true });
  // A process that has the old file mapped keeps it: the name moves to a new one.
  const temporary = `${addonPath}.${process.pid}`;
  const compiled = spawnSync(
    compiler,
    [...options, '-I', headers, '-o', temporary, ...sources(name, '.c')],
    { encoding: 'utf8' },
  );
  if (compiled.error !== undefined) {
    finish(addon, `no C compiler (${compiler}: ${compiled.error.message}); ${fallback}`, true);
    return;
  }
  if (compiled.status !== 0) {
    finish(addon, `${compiler} failed; ${fallback}\n${compiled.stderr}`, true);
    return;
  }
  renameSync(temporary, addonPath);
  writeFileSync(digestPath, digest);
  finish(addon, `built ${addonPath}`);
}

function sources(name: string, extension: string): string[] {
  const folder = join(import.meta.dirname, name);
  return readdirSync(folder)
    .filter((file) => file.endsWith(extension))
    .sort()
    .map((file) => join(folder, file));
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
