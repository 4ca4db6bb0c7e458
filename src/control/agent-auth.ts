import { createHmac, type KeyObject, randomBytes, timingSafeEqual, verify } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { type SignedRequest, signedText } from '../health/agent-request.ts';

/** What the `Authorization: Agent …` header of a request says. */
export interface AgentProof {
  readonly agent: string;
  readonly challenge: string;
  /** Ed25519 over `signedText`. */
  readonly signature: Buffer;
}

/** How long a challenge may be answered, milliseconds. */
const challengeMs = 600_000;
const stepMs = 10_000;

/**
 * Challenges that agents sign to prove who they are, so that nothing which one sent is of use to
 * whoever saw it ten minutes later, and no agent's clock matters. They are made of the time and a
 * secret of this process: nothing is kept for them.
 */
export class Challenges {
  readonly #secret = randomBytes(32);
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The challenge of now. */
  issue(): string {
    return this.#of(this.#step());
  }

  /** True for a challenge that was issued here within ten minutes. */
  isFresh(challenge: string): boolean {
    const step = Number.parseInt(challenge.split('.', 1)[0] ?? '', 36);
    const age = this.#step() - step;
    if (!Number.isSafeInteger(step) || age < 0 || age * stepMs > challengeMs) return false;
    const given = Buffer.from(challenge);
    const right = Buffer.from(this.#of(step));
    return given.length === right.length && timingSafeEqual(given, right);
  }

  #step(): number {
    return Math.floor(this.#clock.monotonicMs() / stepMs);
  }

  #of(step: number): string {
    const mark = createHmac('sha256', this.#secret).update(String(step)).digest('base64url');
    return `${step.toString(36)}.${mark}`;
  }
}

/** Reads an `Authorization` header of the scheme Agent; undefined when it is none. */
export function parseProof(header: string | undefined): AgentProof | undefined {
  const match =
    /^Agent +([a-z0-9-]{1,63}):([0-9a-z]{1,12}\.[A-Za-z0-9_-]{43}):([A-Za-z0-9_-]{86})$/i.exec(
      header ?? '',
    );
  const [, agent, challenge, signature] = match ?? [];
  if (agent === undefined || challenge === undefined || signature === undefined) return undefined;
  return { agent, challenge, signature: Buffer.from(signature, 'base64url') };
}

/** True when an agent's key has signed exactly this request. */
export function isProven(proof: AgentProof, request: SignedRequest, key: KeyObject): boolean {
  const text = signedText(proof.challenge, request);
  return verify(null, Buffer.from(text), key, proof.signature);
}
