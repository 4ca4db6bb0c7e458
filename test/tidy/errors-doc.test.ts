import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { errorCodes } from '../../src/base/errors.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');

/** The page's sections in order: heading and the text below it. */
function sections(): { code: string; text: string }[] {
  return page
    .split(/^### /m)
    .slice(1)
    .map((section) => {
      const [code = '', ...lines] = section.split('\n');
      // The heading and introduction of the next area are no part of it.
      return { code, text: lines.join('\n').split(/^## /m)[0]?.trim() ?? '' };
    });
}

test('docs/errors.md explains every code once and no others, in the order of errors.ts', () => {
  assert.deepEqual(
    sections().map(({ code }) => code),
    Object.keys(errorCodes),
  );
});

test('docs/errors.md says more on each code than its headline does', () => {
  for (const { code, text } of sections()) {
    const headline = errorCodes[code as keyof typeof errorCodes];
    assert.ok(text.length > headline.length + 20, `${code}: ${text}`);
    assert.match(text, /\.$/, `${code} ends in a sentence`);
  }
});

test('docs/ and README name no code that does not exist', () => {
  const pages = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  for (const name of ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', ...pages]) {
    const text = readFileSync(join(root, name), 'utf8');
    for (const [code] of text.matchAll(/\bE_[A-Z0-9]+(?:_[A-Z0-9]+)*\b/g)) {
      assert.ok(code in errorCodes, `${name} names ${code}`);
    }
  }
});

test('errorCodes has no code that nothing raises', () => {
  const src = join(root, 'src');
  const raised = new Set<string>();
  for (const name of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.ts') || name === 'base/errors.ts') continue;
    const text = readFileSync(join(src, name), 'utf8');
    for (const [code] of text.matchAll(/(?<![!=]== )'E_[A-Z0-9_]+'/g))
      raised.add(code.slice(1, -1));
  }
  const idle = Object.keys(errorCodes).filter((code) => !raised.has(code));
  assert.deepEqual(idle, []);
});
