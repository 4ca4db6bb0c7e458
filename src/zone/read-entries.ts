import { dirname, isAbsolute, join } from 'node:path/posix';
import type { ErrorCode, Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { rdataCodec } from '../wire/rdata/registry.ts';
import { typeNumber } from '../wire/type-names.ts';
import { STEER } from '../wire/types.ts';
import { generate } from './generate.ts';
import { isMetaType } from './meta-types.ts';
import { type Origin, type OwnerName, parseOrigin, parseOwner } from './owner-name.ts';
import { TTL_OF_SOA } from './packed-nodes.ts';
import { parseTtl } from './parse-ttl.ts';
import { type ProblemList, printable, quoted } from './problem-list.ts';
import { PlainLines, type ReadingState } from './read-plain-lines.ts';
import { EntryScanner } from './scan-entries.ts';
import { parseSteer } from './steer.ts';
import type { ZoneBuilder } from './zone-builder.ts';

/** Gives the text of a file to include, one character per octet, or why it may not be had. */
export type OpenInclude = (path: string) => string | Problem;

/** What reading a zone's files needs from outside. */
export interface EntrySources {
  readonly builder: ZoneBuilder;
  readonly problems: ProblemList;
  readonly openInclude: OpenInclude;
}

/** The file being read. */
interface FileScope {
  /** As problems show it. */
  readonly file: string;
  /** Relative to the first file's folder, as `openInclude` takes it; '' for the first file. */
  readonly path: string;
  readonly depth: number;
  /** Set for lines that $GENERATE made: all stand at its line, and none is a directive. */
  readonly generatedAt?: number;
}

/**
 * Reads the entries of a master file and of those it includes into a builder (RFC 1035 §5.1).
 * One use per zone.
 */
export class EntryReader {
  /** Types of which a record could not be read: that none is there proves nothing. */
  readonly typesInError = new Set<number>();
  /** True when entries were skipped whose type is not known. */
  lostEntries = false;
  readonly #sources: EntrySources;
  readonly #origin: Origin;
  /** Holds for what follows, included files or not. */
  readonly #state: ReadingState = {
    defaultTtl: undefined,
    lastTtl: undefined,
    records: 0,
    plainName: -1,
  };
  #includes = 0;
  #characters = 0;
  #full = false;
  /** These belong to the innermost file; #within brings the outer ones back (RFC 1035 §5.1). */
  #scope: FileScope;
  #scopeOrigin: Origin;
  #scopeOwner: OwnerName | undefined;
  /** What the owner was written as, to notice that it is the same again. */
  #ownerText = '';

  constructor(origin: Origin, file: string, sources: EntrySources) {
    this.#sources = sources;
    this.#origin = origin;
    this.#scope = { file, path: '', depth: 0 };
    this.#scopeOrigin = origin;
  }

  /** Reads the zone's own file. */
  read(text: string): void {
    this.#readText(text);
  }

  #readText(text: string): void {
    this.#characters += text.length;
    if (this.#characters > limits.masterFileBytes) {
      this.#stop(1, `the files of the zone have over ${limits.masterFileBytes} octets; split it`);
      return;
    }
    const scanner = new EntryScanner(text, (line, code, message) => {
      this.lostEntries = true;
      this.#error(line, code, message);
    });
    const { file, generatedAt: line } = this.#scope;
    const lines = new PlainLines(text, this.#sources.builder, this.#state, { file, line });
    let origin: Origin | undefined;
    while (!this.#full) {
      if (origin !== this.#scopeOrigin) {
        origin = this.#scopeOrigin;
        lines.setOrigin(origin);
      }
      lines.read(scanner.place);
      if (!scanner.next()) break;
      if (scanner.token(0).charCodeAt(0) === 0x24 && !scanner.isQuoted(0)) {
        this.#readDirective(scanner);
      } else {
        this.#readRecord(scanner);
      }
    }
  }

  /** `[owner] [ttl] [class] type rdata…`, TTL and class in either order. */
  #readRecord(scanner: EntryScanner): void {
    const { line } = scanner;
    let at = 0;
    let owner = this.#scopeOwner;
    if (!scanner.beginsBlank) {
      owner = this.#readOwner(scanner);
      at = 1;
    } else if (this.#state.plainName >= 0) {
      const key = this.#sources.builder.nodes.keyOf(this.#state.plainName);
      owner = { owner: key, key, inside: true };
    } else if (owner === undefined) {
      const message = 'the first record begins with white space, so has no owner; write one, or @';
      this.#error(line, 'E_ZONE_OWNER', message);
    }
    let ttl: number | undefined;
    let metClass = false;
    let wrong = owner === undefined;
    for (; at < scanner.count; at++) {
      const token = scanner.token(at);
      const first = token.charCodeAt(0);
      if ((first >= 0x30 && first <= 0x39) || first === 0x2d) {
        if (ttl !== undefined) break;
        const value = this.#readTtl(token, line);
        wrong ||= value === undefined;
        ttl = value ?? 0;
      } else if (isClass(token)) {
        if (metClass) break;
        metClass = true;
        wrong = !this.#checkClass(token, line) || wrong;
      } else {
        break;
      }
    }
    const type = this.#readType(scanner, at);
    if (type === undefined) {
      this.lostEntries = true;
      return;
    }
    const rdata = this.#readRdata(scanner, at + 1, type);
    if (rdata === undefined || wrong || owner === undefined) {
      this.typesInError.add(type);
      return;
    }
    if (ttl !== undefined) this.#state.lastTtl = ttl;
    this.#keep(owner, type, ttl, rdata, line);
  }

  #readOwner(scanner: EntryScanner): OwnerName | undefined {
    const text = scanner.token(0);
    this.#state.plainName = -1;
    if (text === this.#ownerText && this.#scopeOwner !== undefined) return this.#scopeOwner;
    if (scanner.isQuoted(0)) {
      const message = `owner ${quoted(text)} is in quotes; names stand without`;
      this.#error(scanner.line, 'E_ZONE_OWNER', message);
      return undefined;
    }
    const owner = parseOwner(text, this.#scopeOrigin, this.#origin.key);
    if ('code' in owner) {
      this.#error(scanner.line, owner.code, `owner ${quoted(text)}: ${owner.message}`);
      // A blank owner that follows would otherwise mean another name than the writer thinks.
      this.#setOwner(undefined, '');
      return undefined;
    }
    this.#setOwner(owner, text);
    return owner;
  }

  #setOwner(owner: OwnerName | undefined, text: string): void {
    this.#scopeOwner = owner;
    this.#ownerText = text;
  }

  #readTtl(token: string, line: number): number | undefined {
    const ttl = parseTtl(token);
    if (typeof ttl === 'number') return ttl;
    this.#error(line, ttl.code, ttl.message);
    return undefined;
  }

  #checkClass(token: string, line: number): boolean {
    const name = token.toUpperCase();
    if (name === 'IN' || name === 'CLASS1') return true;
    this.#error(line, 'E_ZONE_CLASS', `class ${quoted(token)} is not served; use IN`);
    return false;
  }

  #readType(scanner: EntryScanner, at: number): number | undefined {
    const { line } = scanner;
    if (at >= scanner.count) {
      this.#error(line, 'E_ZONE_SYNTAX', 'a record has no type; write owner, TTL, type and data');
      return undefined;
    }
    const token = scanner.token(at);
    const type = scanner.isQuoted(at) ? undefined : typeNumber(token);
    if (type === undefined) {
      const message = `type ${quoted(token)} is not known; write TYPEnnn for a type by number`;
      this.#error(line, 'E_TYPE_UNKNOWN', message);
      return undefined;
    }
    if (isMetaType(type)) {
      const message = `${quoted(token)} is a type of queries and messages; it cannot be in a zone`;
      this.#error(line, 'E_ZONE_TYPE', message);
      return undefined;
    }
    return type;
  }

  #readRdata(scanner: EntryScanner, from: number, type: number): Uint8Array | undefined {
    const fields = [];
    for (let at = from; at < scanner.count; at++) fields.push(scanner.field(at));
    const rdata =
      type === STEER ? parseSteer(fields) : rdataCodec(type).parse(fields, this.#scopeOrigin.text);
    if (rdata instanceof Uint8Array) return rdata;
    this.#error(scanner.line, rdata.code, rdata.message);
    return undefined;
  }

  #keep(owner: OwnerName, type: number, ttl: number | undefined, rdata: Uint8Array, at: number) {
    const { builder } = this.#sources;
    if (!owner.inside) {
      this.typesInError.add(type);
      const message = `${quoted(owner.owner)} is not in ${builder.origin}; move it to its own zone`;
      this.#error(at, 'E_ZONE_OUTSIDE', message);
      return;
    }
    const { defaultTtl, lastTtl } = this.#state;
    if (++this.#state.records > limits.recordsPerZone) {
      this.#stop(at, `the zone has over ${limits.recordsPerZone} records; split it`);
      return;
    }
    builder.add({
      owner: owner.owner,
      key: owner.key,
      type,
      // A STEER without a TTL takes its service's, whatever $TTL says.
      ttl: ttl ?? (type === STEER ? undefined : (defaultTtl ?? lastTtl ?? TTL_OF_SOA)),
      rdata,
      file: this.#scope.file,
      line: this.#scope.generatedAt ?? at,
    });
  }

  #readDirective(scanner: EntryScanner): void {
    const { line } = scanner;
    const name = scanner.token(0).toUpperCase();
    const count = scanner.count - 1;
    if (this.#scope.generatedAt !== undefined) {
      this.#error(line, 'E_ZONE_GENERATE', `$GENERATE cannot make ${quoted(name)}; write it out`);
    } else if (name === '$ORIGIN' && count === 1) {
      const origin = this.#readOrigin(scanner, 1);
      if (origin !== undefined) {
        this.#scopeOrigin = origin;
        this.#ownerText = '';
      }
    } else if (name === '$TTL' && count === 1) {
      const state = this.#state;
      state.defaultTtl = this.#readTtl(scanner.token(1), line) ?? state.defaultTtl;
    } else if (name === '$INCLUDE' && (count === 1 || count === 2)) {
      this.#readInclude(scanner);
    } else if (name === '$GENERATE' && count >= 3 && !scanner.isQuoted(2)) {
      this.#readGenerate(scanner);
    } else {
      const form = directiveForms[name];
      const message =
        form === undefined
          ? `directive ${quoted(name)} is not known; use ${Object.keys(directiveForms).join(', ')}`
          : `${name} with ${count} arguments; write ${form}`;
      this.#error(line, 'E_ZONE_DIRECTIVE', message);
    }
  }

  #readOrigin(scanner: EntryScanner, at: number): Origin | undefined {
    const origin = parseOrigin(scanner.token(at), this.#scopeOrigin.text, this.#origin.key);
    if (!('code' in origin)) return origin;
    const message = `origin ${quoted(scanner.token(at))}: ${origin.message}`;
    this.#error(scanner.line, origin.code, message);
    return undefined;
  }

  #readInclude(scanner: EntryScanner): void {
    const { line } = scanner;
    const scope = this.#scope;
    const refuse = (message: string) => this.#error(line, 'E_ZONE_INCLUDE', message);
    const written = scanner.token(1).replace(/\\(?:(\d{3})|([\s\S]))/g, (_, octet, character) => {
      return octet === undefined ? character : String.fromCharCode(Number(octet) & 0xff);
    });
    const origin = scanner.count === 3 ? this.#readOrigin(scanner, 2) : this.#scopeOrigin;
    if (origin === undefined) return;
    if (written === '' || written.split('/').includes('..')) {
      refuse(`${quoted(written)} leads upward; include only files of the zone's folder`);
      return;
    }
    if (scope.depth >= limits.includeDepth) {
      refuse(`files include each other over ${limits.includeDepth} deep; look for a circle`);
      return;
    }
    if (++this.#includes > limits.includesPerZone) {
      this.#stop(line, `the zone includes over ${limits.includesPerZone} files; put them together`);
      return;
    }
    const path = isAbsolute(written) ? written : join(dirname(scope.path), written);
    const text = this.#sources.openInclude(path);
    if (typeof text !== 'string') {
      this.#error(line, text.code, text.message);
      return;
    }
    const file = isAbsolute(written) ? written : join(dirname(scope.file), written);
    this.#within({ file: printable(file), path, depth: scope.depth + 1 }, origin, text);
  }

  #readGenerate(scanner: EntryScanner): void {
    const { line } = scanner;
    const before = this.#sources.problems.errors;
    for (const block of generate(scanner.token(1), scanner.writtenFrom(2))) {
      if (typeof block !== 'string') {
        this.#error(line, block.code, block.message);
        return;
      }
      this.#within({ ...this.#scope, generatedAt: line }, this.#scopeOrigin, block);
      // The next thousand lines would say the same.
      if (this.#full || this.#sources.problems.errors > before) return;
    }
  }

  /** Reads text in a scope of its own; afterwards origin and owner are what they were. */
  #within(scope: FileScope, origin: Origin, text: string): void {
    const outer = { scope: this.#scope, origin: this.#scopeOrigin, owner: this.#scopeOwner };
    const ownerText = this.#ownerText;
    const { plainName } = this.#state;
    this.#scope = scope;
    this.#scopeOrigin = origin;
    this.#ownerText = '';
    this.#readText(text);
    this.#scope = outer.scope;
    this.#scopeOrigin = outer.origin;
    this.#setOwner(outer.owner, ownerText);
    this.#state.plainName = plainName;
  }

  #stop(line: number, message: string): void {
    this.#sources.problems.stop('E_ZONE_TOO_LARGE', message, this.#where(line));
    this.#full = true;
    this.lostEntries = true;
  }

  #error(line: number, code: ErrorCode, message: string): void {
    this.#sources.problems.error(code, message, this.#where(line));
  }

  #where(line: number): string {
    const { file, generatedAt } = this.#scope;
    return `${file}:${generatedAt ?? line}`;
  }
}

const directiveForms: Readonly<Record<string, string>> = {
  $ORIGIN: '$ORIGIN name',
  $TTL: '$TTL seconds',
  $INCLUDE: '$INCLUDE file [origin]',
  $GENERATE: '$GENERATE start-stop[/step] owner [ttl] [class] type data',
};

/** Mnemonics of classes (RFC 1035 §3.2.4, RFC 2136 §1.3) and CLASSnnn (RFC 3597 §5). */
function isClass(token: string): boolean {
  return token === 'IN' || /^(?:IN|CH|CS|HS|NONE|CLASS\d+)$/i.test(token);
}
