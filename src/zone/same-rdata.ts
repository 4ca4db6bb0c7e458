import { rdataNames } from '../wire/rdata/registry.ts';

/** True when both are one record: octets equal, names inside without regard to case (RFC 4343). */
export function sameRdata(type: number, a: Uint8Array, b: Uint8Array): boolean {
  const length = a.length;
  if (length !== b.length) return false;
  let differs = false;
  for (let at = 0; at < length; at++) {
    const left = a[at] ?? 0;
    const right = b[at] ?? 0;
    if (left === right) continue;
    if (lowered(left) !== lowered(right)) return false;
    differs = true;
  }
  return !differs || differsOnlyInNames(type, a, b);
}

/** True when two lists hold the same octets in the same order. */
export function equalRdatas(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return (
    a === b ||
    (a.length === b.length && a.every((rdata, index) => equalBytes(rdata, b[index] as Uint8Array)))
  );
}

function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function differsOnlyInNames(type: number, a: Uint8Array, b: Uint8Array): boolean {
  const names = rdataNames(type, a);
  for (let at = 0; at < a.length; at++) {
    if (a[at] === b[at]) continue;
    if (!names.some((name) => at >= name.at && at < name.at + name.bytes)) return false;
  }
  return true;
}

function lowered(octet: number): number {
  return octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet;
}
