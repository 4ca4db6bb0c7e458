import { shown, syntaxFailure } from '../failures.ts';
import { nameBytes } from '../names.ts';
import { type Field, isRdataError, type RdataError, rrTypes } from '../types.ts';
import { type RdataPart, sequence } from './codec.ts';
import { domainName } from './name-part.ts';
import { readUnsigned, u16 } from './numbers.ts';
import { svcParamKey, svcParamKeyName, svcParamKeys, svcParamKind } from './svc-params.ts';

// priority   2 octets; 0 makes the record an alias
// target     a name, never compressed
// then per parameter, in ascending order of keys, none twice:
//   key 2 octets · length 2 octets · value

interface SvcParam {
  readonly key: number;
  readonly value: Uint8Array;
}

/** `key=value` fields to the end of the record, in any order (RFC 9460 §2.1). */
const params: RdataPart = {
  label: 'parameters',
  optional: true,
  read(fields, index, out, { type }) {
    const values = new Map<number, Uint8Array>();
    for (const field of fields.slice(index)) {
      const param = readParam(type, field);
      if (isRdataError(param)) return param;
      if (values.has(param.key)) {
        return syntaxFailure(`${type} has ${svcParamKeyName(param.key)} twice; remove one`);
      }
      values.set(param.key, param.value);
    }
    for (const [key, value] of [...values].sort(([a], [b]) => a - b)) {
      out.u16(key);
      out.u16(value.length);
      out.append(value);
    }
    return fields.length - index;
  },
  measure(bytes, at, end) {
    let next = at;
    while (next < end) {
      if (next + 4 > end) return -1;
      next += 4 + readUnsigned(bytes, next + 2, 2);
    }
    return next === end ? end - at : -1;
  },
  print(bytes, at, end) {
    return svcParams(bytes, at, end)
      .map(({ key, value }) => {
        const text = svcParamKind(key).print(value);
        return text === '' ? svcParamKeyName(key) : `${svcParamKeyName(key)}=${text}`;
      })
      .join(' ');
  },
};

function readParam(type: string, field: Field): SvcParam | RdataError {
  const equals = field.text.indexOf('=');
  const name = equals < 0 ? field.text : field.text.slice(0, equals);
  const key = svcParamKey(name);
  if (key === undefined) {
    const known = Object.keys(svcParamKeys).join(', ');
    return syntaxFailure(
      `${type} parameter ${shown(name)} is not known; write ${known} or keyNNNNN for a number up to 65534`,
    );
  }
  const text = equals < 0 ? '' : unquoted(field.text.slice(equals + 1));
  // By number, values are given as octets whatever the key means (RFC 9460 §2.1).
  const kind = svcParamKind(name.startsWith('key') ? 0xffff : key);
  const value = kind.parse(text);
  if (isRdataError(value)) return { code: value.code, message: `${type} ${name} ${value.message}` };
  return { key, value };
}

/** Takes off the quotes of a value, where they are still there. */
function unquoted(text: string): string {
  return text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

function svcParams(bytes: Uint8Array, at: number, end: number): SvcParam[] {
  const found: SvcParam[] = [];
  for (let next = at; next < end; ) {
    const valueEnd = next + 4 + readUnsigned(bytes, next + 2, 2);
    found.push({ key: readUnsigned(bytes, next, 2), value: bytes.subarray(next + 4, valueEnd) });
    next = valueEnd;
  }
  return found;
}

/** What is wrong with the parameters of well-structured rdata (RFC 9460 §2.2, §7, §8). */
function paramsProblem(type: string, rdata: Uint8Array): RdataError | undefined {
  const found = svcParams(rdata, 2 + nameBytes(rdata, 2), rdata.length);
  const keys = new Set(found.map(({ key }) => key));
  let last = -1;
  for (const { key, value } of found) {
    const name = svcParamKeyName(key);
    if (key > 65_534) return syntaxFailure(`${type} key 65535 is set aside as invalid; remove it`);
    if (key <= last)
      return syntaxFailure(`${type} ${name} is out of order or twice; sort the keys`);
    last = key;
    const problem = svcParamKind(key).problem(value);
    if (problem !== undefined) return syntaxFailure(`${type} ${name} ${problem}; correct it`);
    if (key !== svcParamKeys.mandatory) continue;
    for (let at = 0; at < value.length; at += 2) {
      const needed = readUnsigned(value, at, 2);
      if (keys.has(needed)) continue;
      const missing = svcParamKeyName(needed);
      return syntaxFailure(
        `${type} mandatory lists ${missing}, which is not there; add or unlist it`,
      );
    }
  }
  if (keys.has(svcParamKeys['no-default-alpn']) && !keys.has(svcParamKeys.alpn)) {
    return syntaxFailure(`${type} no-default-alpn stands without alpn; add alpn or remove it`);
  }
  return undefined;
}

function serviceBinding(type: string) {
  return sequence(type, [u16('priority'), domainName('target'), params], (rdata) =>
    paramsProblem(type, rdata),
  );
}

/** SVCB and HTTPS (RFC 9460). */
export const svcbCodecs = [
  [rrTypes.SVCB, serviceBinding('SVCB')],
  [rrTypes.HTTPS, serviceBinding('HTTPS')],
] as const;
