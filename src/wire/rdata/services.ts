import { shown, syntaxFailure } from '../failures.ts';
import { type RdataError, rrTypes } from '../types.ts';
import { sequence } from './codec.ts';
import { domainName } from './name-part.ts';
import { u16 } from './numbers.ts';
import { characterString, textRest } from './strings.ts';

/** NAPTR's flags are letters and digits (RFC 3403 §4.1). They stand behind two 16-bit numbers. */
function naptrProblem(rdata: Uint8Array): RdataError | undefined {
  const flags = Buffer.from(rdata.subarray(5, 5 + (rdata[4] ?? 0))).toString('latin1');
  if (/^[a-zA-Z0-9]*$/.test(flags)) return undefined;
  return syntaxFailure(
    `NAPTR flags ${shown(flags)} hold more than letters and digits; correct them`,
  );
}

/** Types that say where a service is. */
export const serviceCodecs = [
  // RFC 2782
  [
    rrTypes.SRV,
    sequence('SRV', [
      u16('priority'),
      u16('weight'),
      u16('port'),
      domainName('target', 'decompressible'),
    ]),
  ],
  // RFC 3403 §4.1
  [
    rrTypes.NAPTR,
    sequence(
      'NAPTR',
      [
        u16('order'),
        u16('preference'),
        characterString('flags'),
        characterString('services'),
        characterString('regexp'),
        domainName('replacement', 'decompressible'),
      ],
      naptrProblem,
    ),
  ],
  // RFC 7553 §4
  [rrTypes.URI, sequence('URI', [u16('priority'), u16('weight'), textRest('target', 1)])],
] as const;
