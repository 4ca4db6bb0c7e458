import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { Random } from '../../src/base/random.ts';
import type { CheckState } from '../../src/health/report.ts';
import { encodeReport, signaturePart, signedPart } from '../../src/health/report-codec.ts';

/** How often a target is checked: a part of each report differs from the one before. */
export const intervalSeconds = 10;
const fall = 3;
const rise = 2;

/** Four regions; services of four members, one VIP each; loopback, so that nothing is ever sent there. */
export function trafficText(targetCount: number): string {
  const places = ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1'];
  const lines = ['regions:', ...places.map((place) => `  ${place}: { place: aws:${place} }`)];
  lines.push(
    'monitors:',
    '  port: { type: tcp, port: 443, interval: 10s, timeout: 4s }',
    'services:',
  );
  for (let at = 0; at < targetCount / places.length; at++) {
    const members = places.map(
      (place, n) => `${place}: { a: [127.${n + 1}.${at >> 8}.${at & 255}] }`,
    );
    // Every second service chooses by latency, which the agents' connect times move.
    const policy = at % 2 === 0 ? '' : ', policy: { latency: all }';
    lines.push(`  s${at}: { monitors: [port], members: { ${members.join(', ')} }${policy} }`);
  }
  return `${lines.join('\n')}\n`;
}

/** Whether the target at a place of the plan fails in a second. */
export type Fails = (place: number, second: number) => boolean;

/** One agent of the load: its key, and what it knows of each target. */
export class LoadAgent {
  readonly key: KeyObject;
  readonly publicKey: string;
  readonly #random: Random;
  readonly #states: { -readonly [K in keyof CheckState]: CheckState[K] }[] = [];
  /** The second from which on each target is due. */
  readonly #due: number[] = [];
  #sequence = 0;

  constructor(seed: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    this.key = privateKey;
    const der = publicKey.export({ type: 'spki', format: 'der' });
    this.publicKey = der.subarray(der.length - 32).toString('base64url');
    this.#random = new Random(seed);
  }

  setPlan(ids: readonly string[]): void {
    for (const target of ids) {
      this.#states.push({ target, state: 'up', forMs: 0, connectMs: 20, made: 1 });
      this.#due.push(this.#random.below(intervalSeconds));
    }
  }

  /** The report of a second, a later one each time: what was due is checked, and found as it is. */
  report(name: string, boot: number, digest: string, second: number, fails: Fails): Uint8Array {
    for (const [place, state] of this.#states.entries()) {
      const dueSecond = this.#due[place] ?? 0;
      if (second < dueSecond) continue;
      const missed = Math.floor((second - dueSecond) / intervalSeconds);
      this.#due[place] = dueSecond + (missed + 1) * intervalSeconds;
      state.made = ((state.made ?? 0) + 1) & 0xffff;
      const found = fails(place, second) ? 'down' : 'up';
      if (found === 'down') {
        state.error = 'connect-timeout';
        state.errorText = `no connection to ${state.target} in time`;
      } else {
        state.connectMs = 15 + this.#random.fraction() * 20;
        delete state.error;
        delete state.errorText;
      }
      const left =
        found === state.state ? 0 : (state.next?.checks ?? (found === 'down' ? fall : rise)) - 1;
      if (left > 0) state.next = { state: found, checks: left };
      else {
        state.state = found;
        delete state.next;
      }
    }
    const report = { agent: name, boot, sequence: ++this.#sequence, canariesOk: true };
    const bytes = encodeReport({ ...report, results: this.#states }, digest, second * 1000);
    signaturePart(bytes).set(sign(null, signedPart(bytes), this.key));
    return bytes;
  }
}

/** Agents with keys of their own. */
export const newAgents = (count: number) =>
  Array.from({ length: count }, (_, place) => new LoadAgent(place + 1));

export const nameOf = (place: number) => `agent-${place + 1}`;
export const regionOf = (place: number) => `region-${place % 10}`;

/** Each agent stands at a place of its own: latitude and longitude, degrees. */
export const placeOf = (place: number) => ({
  latitude: -50 + ((place * 37) % 101),
  longitude: -180 + ((place * 73) % 360),
});
