import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const run = promisify(execFile);

const pages = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...['docs', 'geodata', 'bench', 'native'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('build/'))
      .map((name) => join(folder, name)),
  ),
];

/** A page without its code, in which brackets mean other things. */
function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#+ (.+)$/gm)) {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${slug}-${again}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What keeps a link of a page from leading anywhere; undefined when it does lead there. */
function deadLink(page: string, link: string): string | undefined {
  if (/^(https?|mailto):/.test(link)) return undefined;
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? join(root, page) : resolve(root, dirname(page), path);
  if (relative(root, target).startsWith('..')) return 'leads out of the repository';
  if (!existsSync(target)) return 'leads nowhere';
  if (anchor === undefined || !statSync(target).isFile()) return undefined;
  return anchorsOf(readFileSync(target, 'utf8')).has(anchor) ? undefined : 'has no such heading';
}

test('every link between files of the repository leads somewhere', () => {
  assert.ok(pages.includes('README.md') && pages.includes('docs/errors.md'));
  let links = 0;
  const dead: string[] = [];
  for (const page of pages) {
    const text = prose(readFileSync(join(root, page), 'utf8'));
    for (const [, link = ''] of text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)) {
      links += 1;
      const why = deadLink(page, link);
      if (why !== undefined) dead.push(`${page}: ${link} ${why}`);
    }
  }
  assert.deepEqual(dead, []);
  assert.ok(links > 10, `${links} links`);
});

test('deadLink() finds missing files and headings', () => {
  assert.equal(deadLink('docs/cli.md', 'errors.md#e_flag'), undefined);
  assert.equal(deadLink('docs/cli.md', '../src'), undefined);
  assert.equal(deadLink('docs/cli.md', 'errors.md#e_flags'), 'has no such heading');
  assert.equal(deadLink('docs/cli.md', '#no-such'), 'has no such heading');
  assert.equal(deadLink('docs/cli.md', 'no-such.md'), 'leads nowhere');
  assert.equal(deadLink('docs/cli.md', '../../elsewhere'), 'leads out of the repository');
});

const flagPattern = /(?<![\w-])--[a-z][a-z-]*[a-z]/g;

/** The `--flags` in a text. */
function flagsIn(text: string): Set<string> {
  return new Set([...text.matchAll(flagPattern)].map(([flag]) => flag));
}

/** The flags that `--help` of a command lists: those at the beginning of a line. */
async function helpOf(...command: readonly string[]): Promise<string> {
  const main = join(root, 'src/main.ts');
  return (await run(process.execPath, [main, ...command, '--help'])).stdout;
}

test('docs/cli.md has the commands and flags of --help and no others', async () => {
  const sections = readFileSync(join(root, 'docs/cli.md'), 'utf8').split(/^## /m);
  const sectionOf = (title: string) =>
    sections.find((section) => section.startsWith(`${title}\n`)) ?? '';
  const common = flagsIn(sectionOf('For all of them'));
  const list = (await helpOf()).split(/^Commands:$/m)[1] ?? '';
  const commands = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)]
    .map(([, name = '']) => name)
    .filter((name) => name !== 'help');
  assert.ok(commands.length >= 7, commands.join(' '));

  const ofAnyCommand = new Set<string>();
  await Promise.all(
    commands.map(async (command) => {
      const help = await helpOf(command);
      const listed = [...help.matchAll(/^ {2}(?:-[a-zA-Z], )?(--[a-z-]+)/gm)];
      const flags = new Set(listed.map(([, flag = '']) => flag));
      assert.ok(flags.delete('--help'), help);
      for (const flag of flags) ofAnyCommand.add(flag);
      const own = flagsIn(sectionOf(command));
      const untold = [...flags].filter((flag) => !own.has(flag) && !common.has(flag));
      assert.deepEqual(untold, [], `flags of ${command} that docs/cli.md leaves out`);
      const invented = [...own].filter((flag) => !flags.has(flag));
      assert.deepEqual(invented, [], `flags that ${command} does not have`);
    }),
  );
  const invented = [...common].filter((flag) => !ofAnyCommand.has(flag));
  assert.deepEqual(invented, [], 'flags that no command has');
});
