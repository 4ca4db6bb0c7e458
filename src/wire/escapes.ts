/**
 * Reads the escape whose backslash stands at `at` (RFC 1035 §5.1): `\DDD` is the octet of that
 * decimal number, `\X` is the character X itself.
 * Returns octet × 8 + characters taken (2 or 4); -1 when it is cut short, over 255 or not ASCII.
 */
export function readEscape(text: string, at: number): number {
  const code = text.charCodeAt(at + 1);
  // Also true of NaN, past the end of the text.
  if (!(code >= 0x20 && code < 0x7f)) return -1;
  if (code < 0x30 || code > 0x39) return code * 8 + 2;
  const tens = text.charCodeAt(at + 2) - 0x30;
  const ones = text.charCodeAt(at + 3) - 0x30;
  if (!(tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9)) return -1;
  const octet = (code - 0x30) * 100 + tens * 10 + ones;
  return octet <= 255 ? octet * 8 + 4 : -1;
}

/** `\DDD` of an octet. */
export function decimalEscape(octet: number): string {
  return `\\${String(octet).padStart(3, '0')}`;
}
