import { clean } from './style.ts';

/** Fields that say of what a log entry speaks, and why; others are for machines. */
const telling = [
  'worker',
  'address',
  'region',
  'source',
  'file',
  'method',
  'route',
  'requestId',
  'token',
  'name',
  'by',
  'reason',
  'error',
] as const;

/**
 * A log entry as people read it: its message, and behind it what the message leaves open: `a worker
 * died and is being replaced (worker udp 0, reason out of memory)`. What came from elsewhere cannot
 * move the terminal's cursor (invariant 12).
 */
export function logLine(entry: Readonly<Record<string, unknown>>, message: string): string {
  const parts: string[] = [];
  for (const key of telling) {
    const value = entry[key];
    if (typeof value !== 'string' && typeof value !== 'number') continue;
    if (!message.includes(String(value))) parts.push(`${key} ${value}`);
  }
  // As pino writes an Error.
  const thrown = (entry['err'] as { stack?: unknown } | undefined)?.stack;
  if (typeof thrown === 'string' && !message.includes(thrown.split('\n')[0] ?? '')) {
    parts.push(thrown);
  }
  const text = parts.length === 0 ? message : `${message} (${parts.join(', ')})`;
  return text.split('\n').map(clean).join('\n');
}
