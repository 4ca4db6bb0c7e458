import { registerHooks } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Edit, mutants } from './mutants.ts';

/*
 * Loaded with --import before anything else: reads the source of one file with a fault in it. The fault
 * is named by MERIDIAN_SIM_MUTANT; no file is changed.
 */
const name = process.env['MERIDIAN_SIM_MUTANT'];
const mutant = mutants.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`there is no mutant "${name}"`);
const root = resolve(import.meta.dirname, '../../..');
const edits = new Map<string, Edit[]>();
for (const edit of mutant.edits) {
  const { href } = pathToFileURL(join(root, edit.file));
  edits.set(href, [...(edits.get(href) ?? []), edit]);
}

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const here = edits.get(url);
    if (here === undefined) return loaded;
    let source = Buffer.from(loaded.source as Uint8Array).toString('utf8');
    for (const { file, search, replace } of here) {
      const parts = source.split(search);
      if (parts.length !== 2) {
        throw new Error(`${file} has the text of "${name}" ${parts.length - 1} times`);
      }
      source = parts.join(replace);
    }
    return { ...loaded, source };
  },
});
