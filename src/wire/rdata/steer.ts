import { limits } from '../../base/limits.ts';
import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { STEER } from '../types.ts';
import { type RdataPart, sequence } from './codec.ts';
import { quotedText, writeText } from './strings.ts';

/** The name of a service in UTF-8; whether there is such a service is not seen from here. */
const service: RdataPart = {
  label: 'service',
  read(fields, index, out, { type }) {
    const text = fields[index]?.text ?? '';
    const octets = writeText(text, out);
    if (typeof octets !== 'number') {
      return { code: octets.code, message: `${type} service ${octets.message}` };
    }
    if (octets === 0) return syntaxFailure(`${type} service is empty; name a service`);
    if (octets > limits.objectNameChars) {
      return rangeFailure(
        `${type} service ${shown(text)} is ${octets} octets; names have 1 to ${limits.objectNameChars}`,
      );
    }
    return 1;
  },
  measure: (_bytes, at, end) => {
    return end > at && end - at <= limits.objectNameChars ? end - at : -1;
  },
  print(bytes, at, end) {
    const quoted = quotedText(bytes, at, end);
    return /^"[\w-]+"$/.test(quoted) ? quoted.slice(1, -1) : quoted;
  },
};

/** The pseudo-record that hands a name to a service. */
export const steerCodecs = [[STEER, sequence('STEER', [service])]] as const;
