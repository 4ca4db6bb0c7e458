import { limits } from '../base/limits.ts';
import type { RdataError } from '../wire/types.ts';
import { quoted } from './problem-list.ts';

/** How many lines are made at a time, so that a big range needs no big string. */
const linesPerBlock = 1000;
const maxValue = 0x7fff_ffff;

/**
 * Writes out BIND's `$GENERATE range lhs … rhs`: yields blocks of master-file lines, or one error.
 * `range` is `start-stop` or `start-stop/step`. In `pattern`, `$` becomes the number,
 * `${offset,width,base}` the shifted, padded number in base d, o, x, X, n or N, and `$$` or `\$` a
 * dollar sign (BIND 9 ARM, "The $GENERATE Directive").
 */
export function* generate(range: string, pattern: string): Generator<string | RdataError, void> {
  const [, startText, stopText, stepText = '1'] = /^(\d+)-(\d+)(?:\/(\d+))?$/.exec(range) ?? [];
  const [start, stop, step] = [Number(startText), Number(stopText), Number(stepText)];
  if (startText === undefined || stop > maxValue || start > stop || step < 1) {
    yield wrong(
      `range ${quoted(range)} is malformed; write start-stop or start-stop/step, start first`,
    );
    return;
  }
  const count = Math.floor((stop - start) / step) + 1;
  if (count > limits.recordsPerZone) {
    yield wrong(
      `range ${quoted(range)} makes ${count} records; ${limits.recordsPerZone} are allowed`,
    );
    return;
  }
  const parts = takeApart(pattern);
  if (!Array.isArray(parts)) {
    yield parts;
    return;
  }
  for (let from = 0; from < count; from += linesPerBlock) {
    const lines: string[] = [];
    for (let index = from; index < Math.min(count, from + linesPerBlock); index++) {
      const line = fillIn(parts, start + index * step);
      if (typeof line !== 'string') {
        yield line;
        return;
      }
      lines.push(line);
    }
    yield lines.join('\n');
  }
}

/** Text as it is, or a place for the number. */
type Part = string | { readonly offset: number; readonly width: number; readonly base: string };

function takeApart(pattern: string): Part[] | RdataError {
  const parts: Part[] = [];
  const tokens = /\\[\s\S]|\$\$|\$\{([^}]*)\}|\$|[^\\$]+|\\$/g;
  for (const [token, inBraces] of pattern.matchAll(tokens)) {
    if (token === '$$') parts.push('\\$');
    else if (token === '$') parts.push({ offset: 0, width: 0, base: 'd' });
    else if (inBraces === undefined) parts.push(token);
    else {
      const [, offset, width = '0', base = 'd'] =
        /^(-?\d{1,10})(?:,(\d{1,3})(?:,([doxXnN]))?)?$/.exec(inBraces) ?? [];
      if (offset === undefined || Number(width) > limits.nameBytes) {
        return wrong(
          `${quoted(token)} is malformed; write \${offset,width,base}, base d o x X n or N`,
        );
      }
      parts.push({ offset: Number(offset), width: Number(width), base });
    }
  }
  return parts;
}

function fillIn(parts: readonly Part[], number: number): string | RdataError {
  let line = '';
  for (const part of parts) {
    if (typeof part === 'string') {
      line += part;
      continue;
    }
    const value = number + part.offset;
    if (value < 0 || value > maxValue) {
      return wrong(`${number} shifted by ${part.offset} is out of range; use 0 to ${maxValue}`);
    }
    line += formatNumber(value, part.width, part.base);
  }
  return line;
}

function formatNumber(value: number, width: number, base: string): string {
  if (base === 'd') return String(value).padStart(width, '0');
  if (base === 'o') return value.toString(8).padStart(width, '0');
  const hex = value.toString(16);
  const cased = base === 'X' || base === 'N' ? hex.toUpperCase() : hex;
  if (base === 'x' || base === 'X') return cased.padStart(width, '0');
  // Nibbles, lowest first, each a label; the width counts the dots as well.
  const digits = cased.padStart(Math.ceil(width / 2), '0');
  return [...digits].reverse().join('.');
}

function wrong(message: string): RdataError {
  return { code: 'E_ZONE_GENERATE', message };
}
