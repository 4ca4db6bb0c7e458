import type { ErrorCode } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { Field } from '../wire/types.ts';

/** Where in a text a line begins, and its number. */
export interface LinePlace {
  at: number;
  line: number;
}

/** Takes one thing that is wrong with the text at a line. */
export type ReportProblem = (line: number, code: ErrorCode, message: string) => void;

const PLAIN = 0;
const BLANK = 1;
const NEWLINE = 2;
const COMMENT = 3;
const OPEN = 4;
const CLOSE = 5;
const QUOTE = 6;
const ESCAPE = 7;
const ODD = 8;

/** What each octet means to the scanner outside quotes. */
const kinds = new Uint8Array(256).fill(ODD, 0x7f).fill(ODD, 0, 0x20);
for (const [characters, kind] of [
  [' \t\r', BLANK],
  ['\n', NEWLINE],
  [';', COMMENT],
  ['(', OPEN],
  [')', CLOSE],
  ['"', QUOTE],
  ['\\', ESCAPE],
] as const) {
  for (const character of characters) kinds[character.charCodeAt(0)] = kind;
}

const LINE_FEED = 10;
/** Token flags. */
const QUOTED = 1;
const REWRITTEN = 2;
/** How often one text may open a parenthesis without closing it before the rest goes unread. */
const lostParentheses = 16;

/**
 * Cuts a master file into entries and tokens (RFC 1035 §5.1): an entry is a line, or several held
 * together by parentheses; `;` begins a comment; `\` and quotes take the meaning from what follows.
 * Works on a string with one character per octet and makes no string until a token is asked for.
 *
 *   www 30 A ( 192.0.2.1 ) ; text
 *   ^^^ ^^ ^   ^^^^^^^^^            starts[i] to ends[i], flags[i], i below count
 *
 * Each problem ends its own entry; the next one is read as if nothing had happened.
 */
export class EntryScanner {
  readonly #text: string;
  readonly #report: ReportProblem;
  /** Where the next entry begins, for whoever reads some of the text by other means. */
  readonly place: LinePlace = { at: 0, line: 1 };
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #flags = new Uint8Array(64);
  #rewritten = new Map<number, string>();
  #lost = 0;
  #damaged = false;

  /** Number of tokens in the current entry; at least 1. */
  count = 0;
  /** The line on which the current entry begins, counted from 1. */
  line = 0;
  /** True when the entry begins with white space: its owner is the previous one. */
  beginsBlank = false;
  /** True when a comment was met since the scanner was made. */
  metComment = false;

  /** `text` holds one character per octet (U+0000 to U+00FF), as latin1 decoding gives it. */
  constructor(text: string, report: ReportProblem) {
    this.#text = text;
    this.#report = report;
  }

  /** Moves to the next entry that is neither empty nor damaged; false at the end of the text. */
  next(): boolean {
    while (this.place.at < this.#text.length) {
      this.count = 0;
      this.#damaged = false;
      if (this.#rewritten.size > 0) this.#rewritten.clear();
      this.line = this.place.line;
      this.beginsBlank = kinds[this.#text.charCodeAt(this.place.at)] === BLANK;
      this.#scanEntry();
      if (this.count > 0 && !this.#damaged) return true;
    }
    return false;
  }

  /** The token with its escapes and without its quotes. */
  token(index: number): string {
    if (((this.#flags[index] ?? 0) & REWRITTEN) !== 0) return this.#rewritten.get(index) ?? '';
    return this.#text.substring(this.#starts[index] ?? 0, this.#ends[index] ?? 0);
  }

  /** The token as the record parsers take it. */
  field(index: number): Field {
    return { text: this.token(index), quoted: ((this.#flags[index] ?? 0) & QUOTED) !== 0 };
  }

  /** True when the token stood in quotes. */
  isQuoted(index: number): boolean {
    return ((this.#flags[index] ?? 0) & QUOTED) !== 0;
  }

  /** The text as written from a token to the last one. */
  writtenFrom(index: number): string {
    return this.#text.substring(this.#starts[index] ?? 0, this.place.at).replace(/\r?\n$/, '');
  }

  #scanEntry(): void {
    const text = this.#text;
    const end = text.length;
    let depth = 0;
    let openLine = 0;
    let openAt = 0;
    let at = this.place.at;
    while (at < end) {
      const kind = kinds[text.charCodeAt(at)] ?? ODD;
      if (kind === BLANK) {
        at++;
      } else if (kind === NEWLINE) {
        this.place.line++;
        at++;
        if (depth === 0) break;
        // A damaged entry may have lost its closing parenthesis: a line at the margin is a new one.
        if (this.#damaged && atMargin(text, at)) break;
      } else if (kind === COMMENT) {
        this.metComment = true;
        const newline = text.indexOf('\n', at);
        at = newline < 0 ? end : newline;
      } else if (kind === OPEN) {
        if (depth++ === 0) {
          openLine = this.place.line;
          openAt = at;
        }
        at++;
      } else if (kind === CLOSE) {
        if (depth === 0) this.#damage(this.place.line, '")" without "("; remove it or open one');
        else depth--;
        at++;
      } else {
        if (this.count === 0) this.line = this.place.line;
        at = kind === QUOTE ? this.#scanQuoted(at) : this.#scanWord(at);
      }
    }
    this.place.at = at;
    if (at >= end && depth > 0 && !this.#damaged) this.#loseParenthesis(openAt, openLine);
  }

  /** A parenthesis that never closes: reading goes on at the next line that starts at the margin. */
  #loseParenthesis(openAt: number, openLine: number): void {
    const text = this.#text;
    if (++this.#lost > lostParentheses) {
      const rest = 'like others before it; the rest of the file was not read';
      this.#damage(openLine, `"(" is never closed, ${rest}`);
      return;
    }
    this.#damage(openLine, '"(" is never closed; add ")" after the last field');
    this.place.line = openLine;
    this.place.at = openAt;
    for (;;) {
      const newline = text.indexOf('\n', this.place.at);
      this.place.at = newline < 0 ? text.length : newline + 1;
      this.place.line++;
      if (newline < 0 || atMargin(text, this.place.at)) return;
    }
  }

  /** Reads a word from `at`; returns where it ends. A quoted value may follow `=` (RFC 9460 §2.1). */
  #scanWord(from: number): number {
    const text = this.#text;
    const end = text.length;
    let at = from;
    let written: string | undefined;
    let copied = from;
    while (at < end) {
      const kind = kinds[text.charCodeAt(at)] ?? ODD;
      if (kind === PLAIN) {
        at++;
      } else if (kind === ESCAPE) {
        if (at + 1 >= end || kinds[text.charCodeAt(at + 1)] === NEWLINE) {
          this.#damage(this.place.line, 'a backslash ends the line; write \\\\ for a backslash');
          at++;
          break;
        }
        at += 2;
      } else if (kind === QUOTE) {
        if (text.charCodeAt(at - 1) !== 0x3d) {
          this.#damage(
            this.place.line,
            'a quote stands inside a word; put a space before it or \\"',
          );
        }
        const close = this.#endOfQuoted(at + 1);
        const inside = quotedText(text, at + 1, close) ?? text.substring(at + 1, close);
        written = (written ?? '') + text.substring(copied, at) + inside;
        at = copied = text[close] === '"' ? close + 1 : close;
      } else if (kind === ODD) {
        this.#damage(this.place.line, oddOctet(text.charCodeAt(at)));
        at++;
      } else {
        break;
      }
    }
    if (written === undefined) this.#add(from, at, 0);
    else this.#addRewritten(from, at, REWRITTEN, written + text.substring(copied, at));
    return at;
  }

  /** Reads a quoted string whose quote is at `from`; returns where it ends. */
  #scanQuoted(from: number): number {
    const text = this.#text;
    const close = this.#endOfQuoted(from + 1);
    const kind = kinds[text.charCodeAt(close + 1)];
    if (close + 1 < text.length && (kind === PLAIN || kind === ESCAPE || kind === ODD)) {
      this.#damage(
        this.place.line,
        'text follows a closing quote; put a space between, or \\" inside',
      );
    }
    const written = quotedText(text, from + 1, close);
    if (written === undefined) this.#add(from + 1, close, QUOTED);
    else this.#addRewritten(from + 1, close, QUOTED | REWRITTEN, written);
    return text[close] === '"' ? close + 1 : close;
  }

  /** Where the quote closes; the end of the line when it does not. */
  #endOfQuoted(from: number): number {
    const text = this.#text;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 0x22) return at;
      if (code === LINE_FEED) {
        this.#damage(this.place.line, 'a quote is not closed on its line; add the closing "');
        return at;
      }
      if (code === 0x5c && text.charCodeAt(at + 1) !== LINE_FEED) at++;
    }
    this.#damage(
      this.place.line,
      'a quote is not closed before the end of the file; add the closing "',
    );
    return text.length;
  }

  #add(start: number, end: number, flags: number): void {
    const index = this.count;
    if (index === this.#starts.length) {
      if (index >= limits.fieldsPerRecord) {
        this.#damage(this.line, `an entry has over ${index} fields; split it`);
        return;
      }
      this.#starts = grown(this.#starts);
      this.#ends = grown(this.#ends);
      const flagsBefore = this.#flags;
      this.#flags = new Uint8Array(index * 2);
      this.#flags.set(flagsBefore);
    }
    this.#starts[index] = start;
    this.#ends[index] = end;
    this.#flags[index] = flags;
    this.count = index + 1;
  }

  #addRewritten(start: number, end: number, flags: number, written: string): void {
    this.#rewritten.set(this.count, written);
    this.#add(start, end, flags);
  }

  #damage(line: number, message: string): void {
    // One message per entry: what follows the first is most often its consequence.
    if (!this.#damaged) this.#report(line, 'E_ZONE_SYNTAX', message);
    this.#damaged = true;
  }
}

/** True when a line that is not empty starts at `at` with neither white space nor `)` nor `;`. */
function atMargin(text: string, at: number): boolean {
  const kind = kinds[text.charCodeAt(at)];
  return at < text.length && (kind === PLAIN || kind === ESCAPE || kind === QUOTE);
}

/** What is between quotes, octets outside printable ASCII as `\DDD`; undefined when none is. */
function quotedText(text: string, from: number, to: number): string | undefined {
  const inside = text.substring(from, to);
  if (!/[^ -~]/.test(inside)) return undefined;
  // An escaped octet loses its backslash first, while `\\` before an octet stays what it is.
  return inside.replace(/\\[ -~]|\\?[^ -~]/g, (part) => {
    const octet = part.charCodeAt(part.length - 1);
    return octet >= 0x20 && octet < 0x7f ? part : `\\${String(octet).padStart(3, '0')}`;
  });
}

function oddOctet(octet: number): string {
  if (octet >= 0x80) {
    return 'a character outside ASCII stands outside quotes; write names as A-labels (xn--…), text in quotes';
  }
  return `control character ${octet} stands outside quotes; remove it or write \\${String(octet).padStart(3, '0')}`;
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const bigger = new Int32Array(array.length * 2);
  bigger.set(array);
  return bigger;
}
