import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const src = join(root, 'src');

/** Folder → folders of src/ that it may import, besides itself. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ['base'],
  geo: ['base'],
  health: ['base'],
  latency: ['base', 'geo'],
  policy: ['base', 'geo', 'health', 'latency'],
  zone: ['base', 'wire'],
  image: ['base', 'wire', 'geo', 'health', 'policy', 'latency', 'zone'],
  server: ['base', 'wire', 'image', 'geo', 'policy', 'native'],
  store: ['base', 'control'],
  cluster: ['base', 'control', 'store'],
  probe: ['base', 'health', 'native'],
  control: [
    'base',
    'wire',
    'geo',
    'health',
    'policy',
    'latency',
    'zone',
    'image',
    'store',
    'cluster',
    'probe',
    'simulate',
  ],
  simulate: ['base', 'wire', 'geo', 'health', 'policy', 'latency', 'zone', 'control'],
  api: ['base', 'wire', 'geo', 'health', 'policy', 'latency', 'zone', 'control', 'simulate'],
};

/** Files of other folders that the data plane may import as well. */
const serverLeaves: Readonly<Record<string, readonly string[]>> = {
  geo: ['client-map.ts'],
  policy: ['pick.ts'],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function sourceFiles(): string[] {
  return readdirSync(src, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(src, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(
    /^(?:import|export)\s+(type\s)?[^;'"]*?from\s+'(\.[^']+)';|import\('(\.[^']+)'\)/gm,
  )) {
    const target = match[2] ?? match[3] ?? '';
    found.push({
      from: relative(src, file),
      to: relative(src, resolve(dirname(file), target)),
      typeOnly: match[1] !== undefined,
    });
  }
  return found;
}

const area = (path: string) => path.replace(/^\.\.\//, '').split('/')[0] ?? '';

test('every import follows the rule of who may import whom', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    for (const { from, to, typeOnly } of importsOf(file)) {
      const rule = allowed[area(from)];
      if (rule === undefined || area(from) === area(to)) continue;
      const leaves = area(from) === 'server' ? serverLeaves[area(to)] : undefined;
      const leafOk = leaves === undefined || typeOnly || leaves.includes(to.split('/')[1] ?? '');
      if (!rule.includes(area(to)) || !leafOk) wrong.push(`${from} → ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('imports have no cycle', () => {
  const graph = new Map<string, string[]>();
  for (const file of sourceFiles()) {
    const values = importsOf(file).filter((found) => !found.typeOnly);
    graph.set(
      relative(src, file),
      values.map((found) => found.to),
    );
  }
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    assert.ok(!path.includes(file), `cycle: ${[...path, file].join(' → ')}`);
    if (done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
});

test('no file has a default export or is a barrel', () => {
  for (const file of sourceFiles()) {
    const text = readFileSync(file, 'utf8');
    assert.doesNotMatch(text, /^export default /m, file);
    assert.doesNotMatch(text, /^export \* from /m, file);
  }
});
