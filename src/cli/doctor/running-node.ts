import { type Finding, findingsOf } from './finding.ts';

/** What is known of the API of a running node. */
export interface NodeCheck {
  readonly findings: readonly Finding[];
  /** What its clock says, milliseconds since 1970. */
  readonly peerMs?: number;
}

const timeoutMs = 5000;

/**
 * Asks a node whether it serves, and tries the token. A node that is not there is a failure only when
 * it was named (`expected`).
 */
export async function checkRunningNode(
  url: string,
  token: string | undefined,
  expected: boolean,
): Promise<NodeCheck> {
  const { ok, warn, fail } = findingsOf('api');
  let response: Response;
  let ready: { ready?: unknown; reasons?: unknown };
  try {
    response = await ask(`${url}/readyz`);
    ready = (await response.json()) as typeof ready;
  } catch (error) {
    const cause = (error as { cause?: { code?: string } }).cause?.code ?? (error as Error).name;
    if (!expected) return { findings: [ok(`no node answers at ${url}`)] };
    const remedy = 'start `meridian serve`, or name its API with --url';
    return { findings: [fail(`no node answers at ${url} (${cause})`, remedy)] };
  }
  const findings: Finding[] = [];
  if (ready.ready === true) findings.push(ok(`the node at ${url} serves`));
  else if (Array.isArray(ready.reasons)) {
    const why = ready.reasons.map(String).join('; ');
    findings.push(fail(`the node at ${url} does not serve: ${why}`, 'see its log'));
  } else {
    const text = `what answers at ${url} is not Meridian's API`;
    return { findings: [fail(text, 'name the API with --url')] };
  }
  if (token !== undefined) {
    const answer = await ask(`${url}/v1`, { authorization: `Bearer ${token}` });
    if (answer.status === 401) {
      findings.push(
        warn('the node does not take the token', 'look at --token, MERIDIAN_TOKEN, --data'),
      );
    }
  }
  const peerMs = Date.parse(response.headers.get('date') ?? '');
  return { findings, ...(Number.isNaN(peerMs) ? {} : { peerMs }) };
}

function ask(url: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
}
