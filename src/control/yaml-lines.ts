import type { Document, Node } from 'yaml';
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, visit } from 'yaml';
import { errorText, type Problem } from '../base/errors.ts';
import { type Locate, pointerKeys } from './findings.ts';

/** A YAML file as data, with the line of everything in it. */
export interface YamlReading {
  /** Undefined when the file is not well-formed. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** `file:line` of a JSON pointer, or of the nearest thing above it that is written. */
  readonly locate: Locate;
}

/** More anchors' worth of copies than anybody writes by hand; stops "billion laughs". */
const maxAliasCount = 1000;
/** A broken line makes others look broken; nobody reads more. */
const maxSyntaxProblems = 20;

/** Reads YAML 1.2 (core schema: `NO` is a text), one document, no own tags. Never throws. */
export function readYaml(text: string, file: string): YamlReading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => `${file}:${lines.linePos(offset).line || 1}`;
  const problems: Problem[] = syntaxProblems(document, text, at);
  visit(document, {
    Pair(_, pair) {
      if (isScalar(pair.key) || isAlias(pair.key)) return;
      const message = 'a key is a list or an object; write a plain name';
      problems.push({ code: 'E_FORM_SYNTAX', message, where: at(start(pair.key) ?? 0) });
    },
    Alias(_, alias) {
      if (alias.resolve(document) !== undefined) return;
      const message = `*${alias.source} stands for nothing; write &${alias.source} before it`;
      problems.push({ code: 'E_FORM_SYNTAX', message, where: at(alias.range?.[0] ?? 0) });
    },
  });
  const locate: Locate = (path) => at(offsetOf(document, pointerKeys(path)));
  if (problems.length > 0) return { value: undefined, problems, locate };
  try {
    return { value: document.toJS({ maxAliasCount }), problems, locate };
  } catch (error) {
    const message = `${errorText(error)}; write the copies out`;
    return {
      value: undefined,
      problems: [{ code: 'E_FORM_SYNTAX', message, where: file }],
      locate,
    };
  }
}

/** One problem for each place and kind; deep nesting alone would give thousands. */
function syntaxProblems(
  document: Document,
  text: string,
  at: (offset: number) => string,
): Problem[] {
  const errors = [...document.errors, ...document.warnings];
  const deep = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (deep !== undefined) {
    const message = 'lists and objects are nested too deeply; flatten them';
    return [{ code: 'E_FORM_SYNTAX', message, where: at(deep.pos[0]) }];
  }
  const problems = new Map<string, Problem>();
  for (const { code, message, pos } of errors) {
    const where = at(pos[0]);
    const words = sentenceOf(code, message, text.slice(pos[0], pos[0] + 100));
    problems.set(`${where} ${words}`, { code: 'E_FORM_SYNTAX', message: words, where });
  }
  const all = [...problems.values()];
  if (all.length <= maxSyntaxProblems) return all;
  const more = all.length - maxSyntaxProblems;
  const message = `and ${more} more like these; correct the first, most follow from it`;
  return [...all.slice(0, maxSyntaxProblems), { code: 'E_FORM_SYNTAX', message }];
}

/** What the parser says, in words for whoever wrote the file. */
function sentenceOf(code: string, message: string, rest: string): string {
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here (---); keep one';
  if (code !== 'DUPLICATE_KEY') return `${message}; correct the YAML`;
  const key = /^[^\s:]{1,80}/.exec(rest)?.[0] ?? '';
  return `the key ${key} stands twice in one object; remove one`;
}

/** Where the last key of a path is written, or of the nearest one above it that exists. */
function offsetOf(document: Document, keys: readonly string[]): number {
  let node: unknown = document.contents;
  let offset = start(node) ?? 0;
  for (const key of keys) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((item) => keyText(item.key) === key);
      if (pair === undefined) break;
      offset = start(pair.key) ?? start(pair.value) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(key)];
      offset = start(node) ?? offset;
    } else {
      break;
    }
  }
  return offset;
}

function start(node: unknown): number | undefined {
  return isNode(node) ? (node as Node).range?.[0] : undefined;
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : String(key);
}
