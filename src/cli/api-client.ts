import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { isCertificateError } from '../base/certificate-error.ts';
import { errorCodes, errorText, MeridianError, type Problem } from '../base/errors.ts';
import type { Terminal } from './program.ts';

/** Where the API of a node is by default. */
export const defaultUrl = 'http://127.0.0.1:8053';

/** The file in the data directory in which `serve` keeps the first admin token. */
const tokenFile = 'admin.token';

/** A change of a large zone is compiled and written to disk before it is answered. */
const timeoutMs = 300_000;

/** The flags of every command that talks to a node. */
export interface ApiFlags {
  readonly url?: string;
  readonly token?: string;
  readonly data: string;
}

/** Adds `--url`, `--token` and `--data`. */
export function addApiFlags(command: Command): Command {
  return command
    .option(
      '--url <url>',
      `admin API of the node (default: $MERIDIAN_URL, else ${defaultUrl})`,
      parseUrl,
    )
    .option(
      '--token <token>',
      'access token (default: $MERIDIAN_ADMIN_TOKEN, $MERIDIAN_TOKEN, else DATA/admin.token)',
    )
    .option('--data <dir>', "the node's data folder, for its admin.token", 'data');
}

/** Reads the URL of an API: http or https, no query. */
export function parseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '') {
    throw new InvalidArgumentError(`"${text}" is no http or https URL; write ${defaultUrl}`);
  }
  return url.href.replace(/\/+$/, '');
}

/** The admin API of one node. Everything throws MeridianError with the server's problems. */
export class ApiClient {
  readonly url: string;
  readonly #token: string | undefined;

  constructor(url: string, token: string | undefined) {
    this.url = url;
    this.#token = token;
  }

  /** Asks for JSON. */
  async get<Value>(path: string, query: Readonly<Record<string, string>> = {}): Promise<Value> {
    const search = new URLSearchParams(query).toString();
    const response = await this.#send('GET', search === '' ? path : `${path}?${search}`);
    return readJson<Value>(response, this.url);
  }

  /** Sends JSON and gets JSON back. */
  async post<Value>(path: string, body: unknown): Promise<Value> {
    const response = await this.#send('POST', path, JSON.stringify(body));
    return readJson<Value>(response, this.url);
  }

  /** Asks for a master file. */
  async zoneText(zone: string): Promise<string> {
    const path = `/v1/zones/${encodeURIComponent(zone)}`;
    const response = await this.#send('GET', path, undefined, 'text/dns');
    return response.text();
  }

  /** Every item of a list, page by page. */
  async list<Item>(path: string): Promise<Item[]> {
    const items: Item[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: Item[]; next: string | null } = await this.get(
        path,
        cursor === null ? {} : { cursor },
      );
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return items;
  }

  async #send(
    method: string,
    path: string,
    body?: string,
    accept = 'application/json',
  ): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(`${this.url}${path}`, {
        method,
        // A redirect would carry the token to wherever it leads.
        redirect: 'manual',
        headers: {
          accept,
          ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body }),
      });
    } catch (error) {
      throw unreachable(this.url, error);
    }
    if (response.ok) return response;
    throw new MeridianError(await readProblems(response, this.url));
  }
}

/** The client that a command's flags and environment describe. Throws `E_TOKEN_MISSING`. */
export function openApi(flags: ApiFlags, terminal: Terminal): ApiClient {
  return new ApiClient(urlOf(flags, terminal), findToken(flags, terminal));
}

/** The URL of flags, environment or default. */
export function urlOf(flags: Pick<ApiFlags, 'url'>, terminal: Terminal): string {
  if (flags.url !== undefined) return flags.url;
  const chosen = terminal.env?.['MERIDIAN_URL'];
  if (chosen === undefined || chosen === '') return defaultUrl;
  try {
    return parseUrl(chosen);
  } catch (error) {
    throw new MeridianError({ code: 'E_FLAG', message: errorText(error), where: 'MERIDIAN_URL' });
  }
}

/** The token of flags, environment or the data directory, in this order. */
export function findToken(flags: ApiFlags, terminal: Terminal): string {
  const { MERIDIAN_ADMIN_TOKEN: admin, MERIDIAN_TOKEN: other } = terminal.env ?? {};
  for (const given of [flags.token, admin, other]) {
    if (given !== undefined && given.trim() !== '') return given.trim();
  }
  const file = join(flags.data, tokenFile);
  try {
    const token = readFileSync(file, 'utf8').trim();
    if (token !== '') return token;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      const message = `the token cannot be read: ${errorText(error)}; run this as the user of the node, or set MERIDIAN_TOKEN`;
      throw new MeridianError({ code: 'E_TOKEN_MISSING', message, where: file }, { cause: error });
    }
  }
  const message =
    `there is no access token: neither --token nor MERIDIAN_TOKEN is set, and ${file} does not hold ` +
    'one; `meridian serve` writes it at its first start (--data names its data folder)';
  throw new MeridianError({ code: 'E_TOKEN_MISSING', message });
}

function unreachable(url: string, error: unknown): MeridianError {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const timedOut = (error as Error).name === 'TimeoutError';
  const why = timedOut
    ? `no answer within ${timeoutMs / 1000} s`
    : (cause?.code ?? cause?.message ?? errorText(error));
  if (isCertificateError(cause?.code ?? '')) {
    const text =
      `the certificate of ${url} is not trusted (${why}); where an authority of your own has signed it, ` +
      'name that with NODE_EXTRA_CA_CERTS=FILE';
    return new MeridianError({ code: 'E_API_UNREACHABLE', message: text }, { cause: error });
  }
  const message =
    `nothing answers at ${url} (${why}); is \`meridian serve\` running there? ` +
    'Name its API with --url or MERIDIAN_URL';
  return new MeridianError({ code: 'E_API_UNREACHABLE', message }, { cause: error });
}

async function readJson<Value>(response: Response, url: string): Promise<Value> {
  const text = await response.text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new MeridianError([notTheApi(response, url)], { cause: error });
  }
  if (!isOurs(value)) throw new MeridianError([notTheApi(response, url)]);
  return value as Value;
}

/** All that commands ask for is of a revision, or a page of a list. */
function isOurs(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { revision, items, next } = value as Record<string, unknown>;
  if (typeof revision === 'number') return true;
  return Array.isArray(items) && (next === null || typeof next === 'string');
}

async function readProblems(response: Response, url: string): Promise<Problem[]> {
  const type = response.headers.get('content-type') ?? '';
  const text = await response.text().catch(() => '');
  if (!type.startsWith('application/problem+json')) return [notTheApi(response, url)];
  try {
    const body = JSON.parse(text) as { detail: string; code: Problem['code']; errors?: Problem[] };
    const known = body.code in errorCodes ? body.code : 'E_API_ANSWER';
    const problems = body.errors ?? [];
    return problems.length > 0 ? problems : [{ code: known, message: body.detail }];
  } catch {
    return [notTheApi(response, url)];
  }
}

function notTheApi(response: Response, url: string): Problem {
  const type = response.headers.get('content-type') ?? 'no content type';
  const message =
    `${url} answered ${response.status} with ${type}, which is no answer of Meridian's API; ` +
    'check --url, and proxies between here and there';
  return { code: 'E_API_ANSWER', message };
}
