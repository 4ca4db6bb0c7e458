import { loadavg } from 'node:os';
import { decodeMessage, encodeMessage } from '../../src/wire/message.ts';
import { answerTexts, queryOf } from '../../test/e2e/support/ask.ts';
import type { UdpChannel } from '../../test/e2e/support/udp-channel.ts';

export const print = (text: string) => process.stdout.write(`${text}\n`);
export const sleep = (ms: number) => new Promise<void>((done) => setTimeout(done, Math.max(0, ms)));

/** Milliseconds since 1970, with fractions. */
export const epochMs = () => performance.timeOrigin + performance.now();

/** Asks until the answer is as wanted; resolves with the time of that, milliseconds since 1970. */
export async function servedAt(
  channel: UdpChannel,
  name: string,
  type: string,
  wanted: string,
  pollMs = 4,
): Promise<number> {
  for (;;) {
    const bytes = await channel.ask(encodeMessage(queryOf({ port: 0, name, type })), 1000);
    const texts = answerTexts(bytes === undefined ? undefined : decodeMessage(bytes));
    if (texts.join(' ') === wanted) return epochMs();
    await sleep(pollMs);
  }
}

/** Prints median, 99th percentile and maximum. */
export function report(name: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN).toFixed(
      0,
    );
  print(
    `${name.padEnd(60)} n ${String(sorted.length).padStart(4)}  median ${at(0.5).padStart(5)} ms  ` +
      `p99 ${at(0.99).padStart(5)} ms  most ${at(1).padStart(5)} ms`,
  );
}

export function printLoad(): void {
  print(
    `load average ${loadavg()
      .map((one) => one.toFixed(1))
      .join(' ')}`,
  );
}
