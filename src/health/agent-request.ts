import { createHash } from 'node:crypto';

/** A request of an agent to a controller. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query, as sent. */
  readonly url: string;
  /** Body as sent; empty where there is none. */
  readonly body: string;
}

/**
 * What an agent signs of a request, and the controller verifies: a challenge of that controller, so
 * that a recorded request is worth nothing later, and all that is asked.
 */
export function signedText(challenge: string, { method, url, body }: SignedRequest): string {
  const digest = createHash('sha256').update(body).digest('base64url');
  return ['meridian-agent-request', challenge, method, url, digest].join('\n');
}
