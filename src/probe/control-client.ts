import { type KeyObject, sign } from 'node:crypto';
import { type Dispatcher, request } from 'undici';
import { isCertificateError } from '../base/certificate-error.ts';
import { type ErrorCode, errorCodes, errorText, MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { signedText } from '../health/agent-request.ts';

/** What an agent asks a controller to be enrolled as. */
export interface EnrolmentWish {
  readonly name?: string;
  readonly location: string;
  readonly region?: string;
  readonly publicKey: string;
}

/** How to reach one controller, and as whom. */
export interface ControlClientOptions {
  /** Without a slash at its end. */
  readonly url: string;
  readonly dispatcher: Dispatcher;
  readonly agent: string;
  readonly key: KeyObject;
  readonly version: string;
}

const timeoutMs = 5000;

/** The requests of an agent to one controller. All throw MeridianError with the controller's code. */
export class ControlClient {
  readonly #options: ControlClientOptions;
  readonly #path: string;
  #challenge = '';

  constructor(options: ControlClientOptions) {
    this.#options = options;
    this.#path = `${new URL(options.url).pathname.replace(/\/$/, '')}/v1/agents/${options.agent}`;
  }

  /** Takes a boot number greater than `current`. */
  async boot(current: number, signal: AbortSignal): Promise<number> {
    const body = JSON.stringify({ current, version: this.#options.version });
    const answer = await this.#signed('POST', `${this.#path}/boots`, body, {}, timeoutMs, signal);
    const { boot } = JSON.parse(answer.text) as { boot: unknown };
    if (typeof boot === 'number' && Number.isSafeInteger(boot) && boot > current) return boot;
    throw unexpected(this.#options.url, `gave the boot number ${String(boot)}`);
  }

  /** The plan's text and revision once its digest is another than `known`; undefined if it is not. */
  async plan(
    known: string | undefined,
    waitSeconds: number,
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly revision: number } | undefined> {
    const wait = known === undefined ? '' : `?wait=${waitSeconds}`;
    const headers = known === undefined ? {} : { 'if-none-match': `"${known}"` };
    const url = `${this.#path}/plan${wait}`;
    const longestMs = (known === undefined ? 0 : waitSeconds * 1000) + timeoutMs;
    const answer = await this.#signed('GET', url, '', headers, longestMs, signal);
    if (answer.status === 304) return undefined;
    return { text: answer.text, revision: Number(answer.revision) };
  }

  /** Sends a report as signed; `rttMs` is how long the one before took. */
  async report(bytes: Uint8Array, rttMs: number | undefined, signal: AbortSignal): Promise<void> {
    const headers = {
      'content-type': 'application/vnd.meridian.report',
      ...(rttMs === undefined ? {} : { 'meridian-rtt': rttMs.toFixed(3) }),
    };
    const { url, dispatcher } = this.#options;
    const target = `${new URL(url).origin}${this.#path}/reports`;
    await send(target, 'POST', headers, bytes, dispatcher, timeoutMs, signal);
  }

  /** Signs the challenge at hand; where there is none, or an old one, that of the refusal. */
  async #signed(
    method: 'GET' | 'POST',
    url: string,
    body: string,
    headers: Readonly<Record<string, string>>,
    longestMs: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { url: base, dispatcher, agent, key } = this.#options;
    const attempt = async () => {
      const text = signedText(this.#challenge, { method, url, body });
      const signature = sign(null, Buffer.from(text), key).toString('base64url');
      const all = {
        ...headers,
        ...(body === '' ? {} : { 'content-type': 'application/json' }),
        authorization: `Agent ${agent}:${this.#challenge}:${signature}`,
      };
      const note = (challenge: string) => {
        this.#challenge = challenge;
      };
      const target = `${new URL(base).origin}${url}`;
      return send(target, method, all, body, dispatcher, longestMs, signal, note);
    };
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof MeridianError) || error.code !== 'E_AGENT_CHALLENGE') throw error;
      return attempt();
    }
  }
}

/** Enrols an agent with a token; returns its name. Throws MeridianError. */
export async function enrol(
  url: string,
  token: string,
  wish: EnrolmentWish,
  dispatcher: Dispatcher,
  signal: AbortSignal,
): Promise<string> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const body = JSON.stringify(wish);
  const target = `${url}/v1/agents`;
  // A change may wait for its turn, and for the disk.
  const answer = await send(target, 'POST', headers, body, dispatcher, 30_000, signal);
  const { id } = JSON.parse(answer.text) as { id: unknown };
  if (typeof id === 'string' && /^[a-z0-9-]{1,63}$/.test(id)) return id;
  throw unexpected(url, 'gave the agent no name');
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly revision: string;
}

async function send(
  url: string,
  method: 'GET' | 'POST',
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
  dispatcher: Dispatcher,
  longestMs: number,
  signal: AbortSignal,
  noteChallenge: (challenge: string) => void = () => {},
): Promise<Answer> {
  let status: number;
  let text: string;
  let answered: Record<string, string | string[] | undefined>;
  try {
    const response = await request(url, {
      method,
      headers: { accept: 'application/json', ...headers },
      body: body.length === 0 ? null : body,
      dispatcher,
      headersTimeout: longestMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs + timeoutMs)]),
    });
    status = response.statusCode;
    answered = response.headers;
    text = await readText(response.body);
  } catch (error) {
    if (error instanceof MeridianError) throw error;
    const { code, cause } = error as { code?: string; cause?: { message?: string } };
    const { origin } = new URL(url);
    if (isCertificateError(code ?? '')) {
      const message = `the certificate of ${origin} is not trusted (${code}); where an authority of your own has signed it, name that with --ca FILE`;
      throw new MeridianError({ code: 'E_API_UNREACHABLE', message }, { cause: error });
    }
    const text = errorText(error);
    const what = code ?? cause?.message ?? '';
    const message = `${origin}: ${text.includes(what) ? text : `${what} ${text}`}`;
    throw new MeridianError({ code: 'E_API_UNREACHABLE', message }, { cause: error });
  }
  const header = (name: string) => String(answered[name] ?? '');
  const demanded = /^Agent challenge="([0-9a-z.A-Z_-]{1,100})"$/.exec(header('www-authenticate'));
  const challenge = demanded?.[1] ?? header('meridian-challenge');
  if (challenge !== '') noteChallenge(challenge);
  if (status === 304 || (status >= 200 && status < 300)) {
    return { status, text, revision: header('x-revision') };
  }
  throw refusalOf(status, text, header('content-type'), url);
}

/** The longest plan: 50,000 checks of 64 octets, and its monitors. */
const maxAnswerBytes = 16 * 1024 * 1024 + limits.checksPerAgent;

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) throw new Error(`the answer is over ${maxAnswerBytes} octets`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(status: number, text: string, type: string, url: string): MeridianError {
  if (type.startsWith('application/problem+json')) {
    const { code, detail } = JSON.parse(text) as { code?: unknown; detail?: unknown };
    if (typeof code === 'string' && code in errorCodes) {
      return new MeridianError({ code: code as ErrorCode, message: String(detail) });
    }
  }
  return unexpected(new URL(url).origin, `answered ${status}`);
}

function unexpected(url: string, what: string): MeridianError {
  const message = `${url} ${what}, which no controller of Meridian does; check --control`;
  return new MeridianError({ code: 'E_API_ANSWER', message });
}
