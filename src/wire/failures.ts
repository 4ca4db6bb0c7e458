import type { RdataError } from './types.ts';

/** The longest stretch of an operator's text that a message repeats, in characters. */
const shownChars = 80;

/** A value as messages show it: in quotes, control characters as \u{…}, cut when long. */
export function shown(text: string): string {
  const cut = text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
  const visible = cut.replace(/\p{Cc}|\p{Zl}|\p{Zp}|\p{Bidi_Control}/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`;
  });
  return `"${visible}"`;
}

/** An error of fields that do not fit their type. */
export function syntaxFailure(message: string): RdataError {
  return { code: 'E_RDATA_SYNTAX', message };
}

/** An error of a number or length that is out of range. */
export function rangeFailure(message: string): RdataError {
  return { code: 'E_RDATA_RANGE', message };
}
