import { errorText } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { DnsCheck, ExecCheck, HttpCheck, TlsCheck } from '../health/monitor.ts';
import { at, type Findings, show } from './findings.ts';
import {
  type Form,
  mustHave,
  readChoice,
  readFlag,
  readList,
  readNumber,
  readTable,
  readText,
} from './read-form.ts';

/** Reads the part of a monitor that speaks HTTP. */
export function readHttp(form: Form, path: string, findings: Findings): HttpCheck {
  const text = (key: string) => readText(form[key], at(path, key), key, findings);
  const method = readChoice(
    form['method'],
    at(path, 'method'),
    'method',
    ['GET', 'HEAD'] as const,
    findings,
  );
  const target = text('path');
  if (target !== undefined && !/^\/[\x21-\x7e]*$/.test(target)) {
    const message = `path ${show(target)} is not one; begin it with "/" and percent-encode the rest`;
    findings.error('E_FORM_VALUE', at(path, 'path'), message);
  }
  const host = text('host');
  const bodyIncludes = text('bodyIncludes');
  const bodyMatches = text('bodyMatches');
  if (bodyMatches !== undefined) checkPattern(bodyMatches, at(path, 'bodyMatches'), findings);
  if (method === 'HEAD' && (bodyIncludes !== undefined || bodyMatches !== undefined)) {
    findings.error(
      'E_CONFLICT',
      at(path, 'method'),
      'method HEAD brings no body to match; use GET',
    );
  }
  const redirectBounds = { min: 0, max: limits.httpRedirects, integer: true };
  const redirects = readNumber(
    form['redirects'],
    at(path, 'redirects'),
    'redirects',
    redirectBounds,
    findings,
  );
  return {
    method: method ?? 'GET',
    path: target ?? '/',
    headers: readHeaders(form['headers'], at(path, 'headers'), findings),
    ...(host === undefined ? {} : { host }),
    statuses: readStatuses(form['statuses'], at(path, 'statuses'), findings),
    ...(bodyIncludes === undefined ? {} : { bodyIncludes }),
    ...(bodyMatches === undefined ? {} : { bodyMatches }),
    redirects: redirects ?? 0,
  };
}

/** Writes the HTTP part without what is default. */
export function formatHttp(http: HttpCheck): Record<string, unknown> {
  const statuses = http.statuses.map(([from, to]) => (from === to ? from : `${from}-${to}`));
  const usual = statuses.length === 1 && statuses[0] === '200-299';
  return {
    ...(http.method === 'GET' ? {} : { method: http.method }),
    ...(http.path === '/' ? {} : { path: http.path }),
    ...(http.host === undefined ? {} : { host: http.host }),
    ...(Object.keys(http.headers).length === 0 ? {} : { headers: http.headers }),
    ...(usual ? {} : { statuses }),
    ...(http.bodyIncludes === undefined ? {} : { bodyIncludes: http.bodyIncludes }),
    ...(http.bodyMatches === undefined ? {} : { bodyMatches: http.bodyMatches }),
    ...(http.redirects === 0 ? {} : { redirects: http.redirects }),
  };
}

/** Reads the part of a monitor that looks at certificates. */
export function readTls(form: Form, path: string, findings: Findings): TlsCheck {
  const serverName = readText(form['serverName'], at(path, 'serverName'), 'serverName', findings);
  const verify = readFlag(form['verify'], at(path, 'verify'), 'verify', findings);
  const dayBounds = { min: 0, max: 3650, integer: true };
  const days = form['minDaysLeft'];
  const minDaysLeft = readNumber(days, at(path, 'minDaysLeft'), 'minDaysLeft', dayBounds, findings);
  const ca = readText(form['ca'], at(path, 'ca'), 'ca', findings, 64 * 1024);
  if (ca !== undefined && !ca.includes('-----BEGIN CERTIFICATE-----')) {
    const message =
      'ca holds no certificate; paste PEM text that begins -----BEGIN CERTIFICATE-----';
    findings.error('E_FORM_VALUE', at(path, 'ca'), message);
  }
  return {
    ...(serverName === undefined ? {} : { serverName }),
    verify: verify ?? true,
    minDaysLeft: minDaysLeft ?? 7,
    ...(ca === undefined ? {} : { ca }),
  };
}

/** Writes the TLS part without what is default. */
export function formatTls(tls: TlsCheck): Record<string, unknown> {
  return {
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
    ...(tls.verify ? {} : { verify: false }),
    ...(tls.minDaysLeft === 7 ? {} : { minDaysLeft: tls.minDaysLeft }),
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  };
}

/** Reads the part of a monitor that asks DNS. */
export function readDns(form: Form, path: string, findings: Findings): DnsCheck | undefined {
  if (!mustHave(form, 'name', path, 'a dns monitor', findings)) return undefined;
  const name = readText(form['name'], at(path, 'name'), 'name', findings, 1024);
  const type = readText(form['recordType'], at(path, 'recordType'), 'recordType', findings, 16);
  const transport = readChoice(
    form['transport'],
    at(path, 'transport'),
    'transport',
    ['udp', 'tcp'] as const,
    findings,
  );
  const answer = readText(form['answer'], at(path, 'answer'), 'answer', findings);
  if (name === undefined) return undefined;
  return {
    name,
    type: (type ?? 'A').toUpperCase(),
    transport: transport ?? 'udp',
    ...(answer === undefined ? {} : { answer }),
  };
}

/** Writes the DNS part without what is default. */
export function formatDns(dns: DnsCheck): Record<string, unknown> {
  return {
    name: dns.name,
    ...(dns.type === 'A' ? {} : { recordType: dns.type }),
    ...(dns.transport === 'udp' ? {} : { transport: dns.transport }),
    ...(dns.answer === undefined ? {} : { answer: dns.answer }),
  };
}

/** Reads the part of a monitor that runs a program. */
export function readExec(form: Form, path: string, findings: Findings): ExecCheck | undefined {
  if (!mustHave(form, 'command', path, 'an exec monitor', findings)) return undefined;
  const where = at(path, 'command');
  const bounds = { min: 1, max: limits.execWords };
  const words = readList(form['command'], where, 'command', bounds, findings) ?? [];
  const command = words.flatMap(
    (word, index) => readText(word, at(where, index), 'command', findings) ?? [],
  );
  return command.length === 0 ? undefined : { command };
}

/** Writes the exec part. */
export function formatExec(exec: ExecCheck): Record<string, unknown> {
  return { command: [...exec.command] };
}

/** `200`, `200-299`, or a list of them, into inclusive ranges in the order written. */
function readStatuses(
  value: unknown,
  path: string,
  findings: Findings,
): readonly (readonly [number, number])[] {
  if (value === undefined) return [[200, 299]];
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > 32) {
    findings.error('E_FORM_RANGE', path, `statuses has ${list.length} entries; use 1 to 32`);
    return [];
  }
  return list.flatMap((entry: unknown, index) => {
    const where = Array.isArray(value) ? at(path, index) : path;
    const text = typeof entry === 'string' || typeof entry === 'number' ? String(entry) : '';
    const match = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(text);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? from);
    if (match !== null && from <= to) return [[from, to] as const];
    const message = `statuses holds ${show(entry)}; write a code or a range, as 204 or "200-299"`;
    findings.error('E_FORM_VALUE', where, message);
    return [];
  });
}

/** Header names are tokens (RFC 9110 §5.6.2); values have no line breaks. */
function readHeaders(
  value: unknown,
  path: string,
  findings: Findings,
): Readonly<Record<string, string>> {
  const entries = readTable(value, path, 'headers', findings) ?? [];
  if (entries.length > limits.httpHeaders) {
    const message = `headers has ${entries.length} entries; at most ${limits.httpHeaders} are sent`;
    findings.error('E_FORM_RANGE', path, message);
  }
  const headers: Record<string, string> = {};
  for (const [name, raw] of entries) {
    const text = readText(raw, at(path, name), `header ${name}`, findings);
    if (!/^[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*$/.test(name)) {
      findings.error('E_FORM_VALUE', at(path, name), `header name ${show(name)} is malformed`);
    } else if (text !== undefined && /[\r\n]/.test(text)) {
      const message = `header ${name} holds a line break; remove it`;
      findings.error('E_FORM_VALUE', at(path, name), message);
    } else if (text !== undefined) {
      headers[name] = text;
    }
  }
  return headers;
}

function checkPattern(pattern: string, path: string, findings: Findings): void {
  try {
    new RegExp(pattern);
  } catch (error) {
    const message = `bodyMatches is not a regular expression: ${errorText(error)}; correct it`;
    findings.error('E_FORM_VALUE', path, message);
  }
}
