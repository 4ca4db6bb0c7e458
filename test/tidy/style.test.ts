import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');

/** Folders of other people's files, of what is built, and of what a node writes. */
const foreign = /^(\.git|node_modules|data|coverage|(native|bench)\/build|web\/dist)(\/|$)/;

const files = listFiles('');
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const inFolders = (...folders: readonly string[]) =>
  files.filter((file) => folders.includes(file.split('/')[0] ?? ''));

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (foreign.test(path)) return [];
    return entry.isDirectory() ? listFiles(path) : entry.isFile() ? [path] : [];
  });
}

/** `file:line: text` of every line that a pattern matches. */
function linesWith(pattern: RegExp, among: readonly string[]): string[] {
  return among.flatMap((file) =>
    read(file)
      .split('\n')
      .flatMap((line, index) =>
        pattern.test(line) ? [`${file}:${index + 1}: ${line.trim().slice(0, 120)}`] : [],
      ),
  );
}

const isText = (file: string) => /\.(ts|js|c|h|md|json|yaml|zone|txt)$|^\.ci\//.test(file);
const written = files.filter(
  (file) => isText(file) && file !== 'package-lock.json' && !/^geodata\/.*\.(json|txt)$/.test(file),
);

test('the repository is found', () => {
  for (const file of ['src/main.ts', 'test/tidy/style.test.ts', 'docs/cli.md', 'README.md']) {
    assert.ok(written.includes(file), file);
  }
});

test('no source file is over 400 lines', () => {
  const sources = inFolders('src', 'native', 'bench', 'geodata', 'bin').filter((file) =>
    /\.(ts|js|c|h)$/.test(file),
  );
  assert.ok(sources.length > 200);
  const tooLong = sources
    .map((file) => [file, read(file).trimEnd().split('\n').length] as const)
    .filter(([, lines]) => lines > 400);
  assert.deepEqual(tooLong, []);
});

test('files are named in kebab-case', () => {
  const sources = inFolders('src', 'test', 'bench', 'geodata', 'bin').filter((file) =>
    /\.(ts|js)$/.test(file),
  );
  const wrong = sources.filter((file) => !/\/[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|js)$/.test(file));
  assert.deepEqual(wrong, []);
});

// The brackets keep the patterns from matching themselves.
test('nothing prints through the global console', () => {
  const code = written.filter((file) => /\.(ts|js)$/.test(file));
  assert.deepEqual(linesWith(/\bconsol[e]\s*\./, code), []);
});

test('no file speaks of the machine that it was written on', () => {
  assert.deepEqual(
    linesWith(/\/wor[k]\/|\/tmp\/[a-z]|\/hom[e]\/(?!user\b)|\/roo[t]\//, written),
    [],
  );
});

test('nothing is left for later', () => {
  const marks = /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b|\b[Ff]or no[w]\b/;
  assert.deepEqual(linesWith(marks, written), []);
});

test('no test is left out or alone', () => {
  const tests = inFolders('test').filter((file) => file.endsWith('.ts'));
  assert.deepEqual(
    linesWith(/\b(test|t|describe|it)\.(onl[y]|tod[o])\b|\bonl[y]: true/, tests),
    [],
  );
});

test('every test stands in the folder of its area', () => {
  const areas = new Set(inFolders('src').map((file) => file.split('/')[1]));
  const others = ['scenarios', 'sim', 'e2e', 'fuzz', 'tidy', 'native', 'cli'];
  const wrong = inFolders('test').filter((file) => {
    const [, area = '', ...rest] = file.split('/');
    return rest.length === 0 || !(areas.has(area) || others.includes(area));
  });
  assert.deepEqual(wrong, []);
});
