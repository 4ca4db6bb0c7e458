/** Milliseconds since 1970 of an RFC 3339 time; undefined when it is not one. */
export function parseTime(text: string): number | undefined {
  const shape = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/;
  if (!shape.test(text)) return undefined;
  const epochMs = Date.parse(text.replace(' ', 'T').toUpperCase());
  return Number.isNaN(epochMs) ? undefined : epochMs;
}
