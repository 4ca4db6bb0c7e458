import type { Field } from '../../../src/wire/types.ts';

/** Cuts the text form of one rdata into fields as a master file reader does; no parentheses. */
export function readFields(text: string): Field[] {
  const fields: Field[] = [];
  for (const match of text.matchAll(
    /"((?:\\.|[^"\\])*)"|((?:="(?:\\.|[^"\\])*"|\\.|[^\s"\\])+)/g,
  )) {
    const word = match[2]?.replace(/="((?:\\.|[^"\\])*)"/, '=$1');
    fields.push({ text: word ?? match[1] ?? '', quoted: word === undefined });
  }
  return fields;
}
