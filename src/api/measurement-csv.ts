import { MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { RttSample } from '../control/controller.ts';

/**
 * Reads round-trip times in their compact form, one to a line: `CLIENTS,REGION,MS` or
 * `CLIENTS,REGION,MS,COUNT`, where CLIENTS is a prefix, an address, `AS64500` or a country. A first
 * line that begins with `clients,` is taken for a heading. Nothing is quoted: none of the fields needs
 * it. A number that cannot be read is NaN, which is refused with its index where samples are taken.
 *
 * @throws MeridianError E_FORM_MISSING for no samples, E_FORM_RANGE for more than a batch may have.
 */
export function parseMeasurementCsv(text: string): RttSample[] {
  const samples: RttSample[] = [];
  // Spreadsheets begin with a byte order mark.
  const start = text.charCodeAt(0) === byteOrderMark ? 1 : 0;
  let at = text.startsWith('clients,', start) ? endOfLine(text, start) + 1 : start;
  while (at < text.length) {
    const end = endOfLine(text, at);
    const sample = parseLine(text, at, text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end);
    if (sample !== undefined) samples.push(sample);
    if (samples.length > limits.samplesPerBatch) throw tooMany();
    at = end + 1;
  }
  if (samples.length === 0) {
    throw new MeridianError({
      code: 'E_FORM_MISSING',
      message: 'the body has no samples; send lines of CLIENTS,REGION,MS',
      where: '/',
    });
  }
  return samples;
}

const carriageReturn = 13;
const byteOrderMark = 0xfeff;

/** Undefined for an empty line. */
function parseLine(text: string, from: number, to: number): RttSample | undefined {
  if (from >= to) return undefined;
  const first = commaIn(text, from, to);
  const second = commaIn(text, first + 1, to);
  const third = commaIn(text, second + 1, to);
  const clients = text.slice(from, first);
  const region = text.slice(first + 1, second);
  const ms = numberIn(text, second + 1, third);
  if (third >= to) return { clients, region, ms };
  return { clients, region, ms, count: numberIn(text, third + 1, to) };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}

/** Where the next comma stands; the end of the line where there is none. */
function commaIn(text: string, from: number, to: number): number {
  if (from >= to) return to;
  const comma = text.indexOf(',', from);
  return comma < 0 || comma > to ? to : comma;
}

/** `Number` takes an empty text for 0, which nobody has written. */
function numberIn(text: string, from: number, to: number): number {
  return from >= to ? Number.NaN : Number(text.slice(from, to));
}

function tooMany(): MeridianError {
  return new MeridianError({
    code: 'E_FORM_RANGE',
    message: `the body has more than ${limits.samplesPerBatch} samples; send them in several batches`,
    where: '/',
  });
}
