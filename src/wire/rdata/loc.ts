import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { type Field, type RdataError, rrTypes } from '../types.ts';
import { type RdataPart, sequence } from './codec.ts';
import { formatGeneric } from './generic.ts';
import { readUnsigned } from './numbers.ts';

// version, size, horizontal precision, vertical precision   1 octet each
// latitude, longitude    32 bits each: thousandths of an arc second, 2^31 at the equator and meridian
// altitude               32 bits: centimetres above 100,000 m below the WGS 84 ellipsoid

const middle = 2 ** 31;
const msPerDegree = 3_600_000;
const altitudeBaseCm = 10_000_000;
const locOctets = 16;
const usage =
  'write LOC <degrees> [<minutes> [<seconds>]] N|S <degrees> [<minutes> [<seconds>]] E|W ' +
  '<altitude>m [<size>m [<horizontal>m [<vertical>m]]]';

/** Size and precisions where a record leaves them out: 1 m, 10 km, 10 m (RFC 1876 §3). */
const defaultsCm = [100, 1_000_000, 1000] as const;
const precisionNames = ['size', 'horizontal precision', 'vertical precision'] as const;

const location: RdataPart = {
  label: 'latitude',
  read(fields, index, out) {
    const latitude = readAngle(fields, index, 'latitude', 90, 'N', 'S');
    if (!('next' in latitude)) return latitude;
    const longitude = readAngle(fields, latitude.next, 'longitude', 180, 'E', 'W');
    if (!('next' in longitude)) return longitude;
    const altitude = readMetres(fields[longitude.next], 'altitude', -10_000_000, 4_284_967_295);
    if (typeof altitude !== 'number') return altitude;
    let next = longitude.next + 1;
    const precisions: number[] = [];
    for (const [place, name] of precisionNames.entries()) {
      const field = fields[next];
      const cm =
        field === undefined ? (defaultsCm[place] ?? 0) : readMetres(field, name, 0, 9_000_000_000);
      if (typeof cm !== 'number') return cm;
      if (field !== undefined) next++;
      precisions.push(cm);
    }
    out.u8(0);
    for (const cm of precisions) out.u8(packPrecision(cm));
    out.u32(middle + latitude.ms);
    out.u32(middle + longitude.ms);
    out.u32(altitude + altitudeBaseCm);
    return next - index;
  },
  measure(bytes, at, end) {
    if (end - at < locOctets || bytes[at] !== 0) return -1;
    for (let index = at + 1; index <= at + 3; index++) {
      const octet = bytes[index] ?? 0;
      if (octet >>> 4 > 9 || (octet & 15) > 9) return -1;
    }
    const latitude = Math.abs(readUnsigned(bytes, at + 4, 4) - middle);
    const longitude = Math.abs(readUnsigned(bytes, at + 8, 4) - middle);
    return latitude <= 90 * msPerDegree && longitude <= 180 * msPerDegree ? locOctets : -1;
  },
  print(bytes, at) {
    const precisions = [1, 2, 3].map((index) =>
      printMetres(unpackPrecision(bytes[at + index] ?? 0)),
    );
    return [
      printAngle(readUnsigned(bytes, at + 4, 4) - middle, 'N', 'S'),
      printAngle(readUnsigned(bytes, at + 8, 4) - middle, 'E', 'W'),
      printMetres(readUnsigned(bytes, at + 12, 4) - altitudeBaseCm),
      ...precisions,
    ].join(' ');
  },
};

function readAngle(
  fields: readonly Field[],
  index: number,
  what: string,
  maxDegrees: number,
  positive: string,
  negative: string,
): { ms: number; next: number } | RdataError {
  let ms = 0;
  for (const [place, unitMs] of [msPerDegree, 60_000, 1000].entries()) {
    const text = fields[index + place]?.text.toUpperCase();
    if (text === undefined) return syntaxFailure(`LOC ${what} is cut short; ${usage}`);
    if (place > 0 && (text === positive || text === negative)) {
      return angle(ms, index + place, text);
    }
    const pattern = place === 2 ? /^\d{1,2}(\.\d{0,3})?$/ : /^\d{1,3}$/;
    if (!pattern.test(text)) return syntaxFailure(`LOC ${what} holds ${shown(text)}; ${usage}`);
    const value = Number(text);
    const max = place === 0 ? maxDegrees : 59.999;
    if (value > max) {
      const unit = ['degrees', 'minutes', 'seconds'][place];
      return rangeFailure(
        `LOC ${what} ${unit} ${shown(text)} are out of range; write 0 to ${Math.trunc(max)}`,
      );
    }
    ms += Math.round(value * unitMs);
  }
  const hemisphere = fields[index + 3]?.text.toUpperCase() ?? '';
  if (hemisphere !== positive && hemisphere !== negative) {
    return syntaxFailure(
      `LOC ${what} ends with ${shown(hemisphere)} and not ${positive} or ${negative}; ${usage}`,
    );
  }
  return angle(ms, index + 3, hemisphere);

  function angle(totalMs: number, at: number, end: string) {
    if (totalMs > maxDegrees * msPerDegree) {
      return rangeFailure(`LOC ${what} is over ${maxDegrees} degrees; correct it`);
    }
    return { ms: end === positive ? totalMs : -totalMs, next: at + 1 };
  }
}

/** Reads metres with up to two decimals into centimetres. */
function readMetres(
  field: Field | undefined,
  what: string,
  minCm: number,
  maxCm: number,
): number | RdataError {
  if (field === undefined) return syntaxFailure(`LOC misses its ${what}; ${usage}`);
  if (!/^[+-]?\d{1,9}(\.\d{0,2})?m?$/i.test(field.text)) {
    return syntaxFailure(`LOC ${what} ${shown(field.text)} is no number of metres; ${usage}`);
  }
  const cm = Math.round(Number(field.text.replace(/m$/i, '')) * 100);
  if (cm >= minCm && cm <= maxCm) return cm;
  const range = `${minCm / 100} to ${maxCm / 100}`;
  return rangeFailure(`LOC ${what} ${shown(field.text)} is out of range; write ${range} metres`);
}

/** One significant digit and a power of ten, both in an octet; more digits are cut (RFC 1876 §2). */
function packPrecision(cm: number): number {
  let mantissa = cm;
  let exponent = 0;
  while (mantissa > 9) {
    mantissa = Math.trunc(mantissa / 10);
    exponent++;
  }
  return mantissa * 16 + exponent;
}

function unpackPrecision(octet: number): number {
  return (octet >>> 4) * 10 ** (octet & 15);
}

function printAngle(signedMs: number, positive: string, negative: string): string {
  const ms = Math.abs(signedMs);
  const degrees = Math.trunc(ms / msPerDegree);
  const minutes = Math.trunc((ms % msPerDegree) / 60_000);
  const seconds = ((ms % 60_000) / 1000).toFixed(3);
  return `${degrees} ${minutes} ${seconds} ${signedMs < 0 ? negative : positive}`;
}

function printMetres(cm: number): string {
  return `${(cm / 100).toFixed(2)}m`;
}

const textCodec = sequence('LOC', [location]);

/** LOC (RFC 1876). */
export const locCodecs = [
  [
    rrTypes.LOC,
    {
      ...textCodec,
      format(rdata: Uint8Array): string {
        // Nothing times a power of ten has many spellings, and text only one.
        const ambiguous = [1, 2, 3].some((at) => (rdata[at] ?? 0) > 0 && (rdata[at] ?? 0) < 16);
        return ambiguous ? formatGeneric(rdata) : textCodec.format(rdata);
      },
    },
  ],
] as const;
