/** OPT, TSIG and their like (RFC 6895 §3.1: 128 to 255 are for queries and messages), and 0. */
export function isMetaType(type: number): boolean {
  return type === 0 || type === 41 || (type >= 128 && type <= 255);
}
