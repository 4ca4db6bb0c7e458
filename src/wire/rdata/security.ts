import { rangeFailure, shown, syntaxFailure } from '../failures.ts';
import { type RdataError, rrTypes } from '../types.ts';
import { type RdataPart, sequence } from './codec.ts';
import { base64Rest, hexRest } from './encoded.ts';
import { u8 } from './numbers.ts';
import { textRest } from './strings.ts';

/** CAA's tag: a length octet and 1 to 255 letters and digits (RFC 8659 §4.1). */
const caaTag: RdataPart = {
  label: 'tag',
  read(fields, index, out, { type }) {
    const text = fields[index]?.text ?? '';
    if (!/^[a-zA-Z0-9]+$/.test(text)) {
      return syntaxFailure(
        `${type} tag ${shown(text)} is not of letters and digits; write issue, issuewild or iodef`,
      );
    }
    if (text.length > 255) {
      return rangeFailure(`${type} tag ${shown(text)} is over 255 octets; shorten it`);
    }
    out.u8(text.length);
    out.append(Buffer.from(text, 'latin1'));
    return 1;
  },
  measure(bytes, at, end) {
    const tagEnd = at + 1 + (bytes[at] ?? 0);
    if (tagEnd <= at + 1 || tagEnd > end) return -1;
    return /^[a-zA-Z0-9]+$/.test(latin1(bytes, at + 1, tagEnd)) ? tagEnd - at : -1;
  },
  print: (bytes, at, end) => latin1(bytes, at + 1, end),
};

function latin1(bytes: Uint8Array, at: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('latin1');
}

/**
 * Makes a check that a digest is as long as its kind demands: `bytesByKind` tells for the number in
 * octet `kindAt`, `digestAt` is where the digest begins. Kinds not listed may have any length.
 */
export function digestLength(
  type: string,
  kindAt: number,
  digestAt: number,
  bytesByKind: Readonly<Record<number, number>>,
): (rdata: Uint8Array) => RdataError | undefined {
  return (rdata) => {
    const kind = rdata[kindAt] ?? 0;
    const wanted = bytesByKind[kind];
    const bytes = rdata.length - digestAt;
    if (wanted === undefined || wanted === bytes) return undefined;
    return syntaxFailure(
      `${type} digest of type ${kind} is ${bytes} octets and must be ${wanted}; correct the type or the digest`,
    );
  };
}

function certificateAssociation(type: string) {
  return sequence(
    type,
    [u8('usage'), u8('selector'), u8('matching type'), hexRest('data')],
    digestLength(type, 2, 3, { 1: 32, 2: 64 }),
  );
}

/** Types that say whom to trust. */
export const securityCodecs = [
  // RFC 8659 §4.1
  [rrTypes.CAA, sequence('CAA', [u8('flags'), caaTag, textRest('value', 0)])],
  // RFC 4255 §3.1, RFC 6594 §4
  [
    rrTypes.SSHFP,
    sequence(
      'SSHFP',
      [u8('algorithm'), u8('fingerprint type'), hexRest('fingerprint')],
      digestLength('SSHFP', 1, 2, { 1: 20, 2: 32 }),
    ),
  ],
  // RFC 6698 §2.1, RFC 8162 §2
  [rrTypes.TLSA, certificateAssociation('TLSA')],
  [rrTypes.SMIMEA, certificateAssociation('SMIMEA')],
  // RFC 7929 §2.1
  [rrTypes.OPENPGPKEY, sequence('OPENPGPKEY', [base64Rest('key')])],
] as const;
