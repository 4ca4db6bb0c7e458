import { limits } from '../base/limits.ts';
import type { Monitor } from '../health/monitor.ts';
import { formatDuration } from './duration.ts';
import { at, type Findings, show } from './findings.ts';
import { checkObjectName } from './object-names.ts';
import { readCanaryAddresses } from './parse-agent.ts';
import {
  formatDns,
  formatExec,
  formatHttp,
  formatTls,
  readDns,
  readExec,
  readHttp,
  readTls,
} from './parse-check.ts';
import {
  type Form,
  mustHave,
  readChoice,
  readDistinct,
  readDuration,
  readNumber,
  readObject,
  readText,
} from './read-form.ts';

/** What a monitor can check. */
export const monitorTypes: readonly Monitor['type'][] = [
  'tcp',
  'http',
  'https',
  'tls',
  'dns',
  'icmp',
  'exec',
];

const commonKeys = [
  'type',
  'interval',
  'timeout',
  'fall',
  'rise',
  'quorum',
  'from',
  'canaries',
  'port',
] as const;
const httpKeys = [
  'method',
  'path',
  'headers',
  'host',
  'statuses',
  'bodyIncludes',
  'bodyMatches',
  'redirects',
] as const;
const tlsKeys = ['serverName', 'verify', 'minDaysLeft', 'ca'] as const;
const dnsKeys = ['name', 'recordType', 'transport', 'answer'] as const;

/** The keys that each type takes besides the common ones. */
const keysOfType: Readonly<Record<Monitor['type'], readonly string[]>> = {
  tcp: [],
  http: httpKeys,
  https: [...httpKeys, ...tlsKeys],
  tls: tlsKeys,
  dns: dnsKeys,
  icmp: [],
  exec: ['command'],
};

const everyKey = [...commonKeys, ...httpKeys, ...tlsKeys, ...dnsKeys, 'command'];

const intervalBoundsMs = { min: limits.monitorIntervalMinMs, max: limits.monitorIntervalMaxMs };
const timeoutBoundsMs = { min: limits.monitorTimeoutMinMs, max: limits.monitorIntervalMaxMs };
const thresholdBounds = { min: 1, max: limits.monitorThreshold, integer: true };
const portBounds = { min: 1, max: 65_535, integer: true };
const quorumWords = ['any', 'majority', 'all'] as const;

/** Reads a monitor: `{ type: https, path: /health, interval: 10s, timeout: 4s, fall: 3, rise: 2 }`. */
export function parseMonitor(
  value: unknown,
  path: string,
  findings: Findings,
): Monitor | undefined {
  return findings.unlessBad(() => {
    const form = readObject(value, path, 'monitor', everyKey, findings);
    if (form === undefined || !mustHave(form, 'type', path, 'monitor', findings)) return undefined;
    const type = readChoice(form['type'], at(path, 'type'), 'type', monitorTypes, findings);
    if (type === undefined) return undefined;
    refuseForeignKeys(form, type, path, findings);
    const times = readTimes(form, path, findings);
    const port = readNumber(form['port'], at(path, 'port'), 'port', portBounds, findings);
    if (type === 'tcp' && port === undefined && form['port'] === undefined) {
      findings.error('E_FORM_MISSING', path, 'a tcp monitor has no port of its own; add port: 443');
    }
    const quorum = readQuorum(form['quorum'], at(path, 'quorum'), findings);
    const from = readVantages(form['from'], at(path, 'from'), findings);
    const canaries = readCanaryAddresses(
      form['canaries'],
      at(path, 'canaries'),
      limits.canariesPerMonitor,
      findings,
    );
    const dns = type === 'dns' ? readDns(form, path, findings) : undefined;
    const exec = type === 'exec' ? readExec(form, path, findings) : undefined;
    return {
      type,
      ...times,
      quorum,
      port,
      ...(from === undefined ? {} : { from }),
      ...(canaries.length === 0 ? {} : { canaries }),
      ...(type === 'http' || type === 'https' ? { http: readHttp(form, path, findings) } : {}),
      ...(type === 'tls' || type === 'https' ? { tls: readTls(form, path, findings) } : {}),
      ...(dns === undefined ? {} : { dns }),
      ...(exec === undefined ? {} : { exec }),
    };
  });
}

/** Writes a monitor in the operator's form, without what is default; reads back equal. */
export function formatMonitor(monitor: Monitor): Record<string, unknown> {
  const { intervalMs, timeoutMs, fall, rise, quorum, port, from, canaries } = monitor;
  return {
    type: monitor.type,
    ...(port === undefined ? {} : { port }),
    ...(monitor.http === undefined ? {} : formatHttp(monitor.http)),
    ...(monitor.tls === undefined ? {} : formatTls(monitor.tls)),
    ...(monitor.dns === undefined ? {} : formatDns(monitor.dns)),
    ...(monitor.exec === undefined ? {} : formatExec(monitor.exec)),
    ...(intervalMs === 10_000 ? {} : { interval: formatDuration(intervalMs) }),
    ...(timeoutMs === defaultTimeoutMs(intervalMs) ? {} : { timeout: formatDuration(timeoutMs) }),
    ...(fall === 3 ? {} : { fall }),
    ...(rise === 2 ? {} : { rise }),
    ...(quorum === 'majority' ? {} : { quorum }),
    ...(from === undefined ? {} : { from: [...from] }),
    ...(canaries === undefined ? {} : { canaries: [...canaries] }),
  };
}

/** 4 s, or half of an interval that is too short for it. */
function defaultTimeoutMs(intervalMs: number): number {
  return Math.min(4000, Math.floor(intervalMs / 2));
}

function readTimes(
  form: Form,
  path: string,
  findings: Findings,
): Pick<Monitor, 'intervalMs' | 'timeoutMs' | 'fall' | 'rise'> {
  const duration = (key: string, bounds: { min: number; max: number }) =>
    readDuration(form[key], at(path, key), key, bounds, findings);
  const threshold = (key: string) =>
    readNumber(form[key], at(path, key), key, thresholdBounds, findings);
  const intervalMs = duration('interval', intervalBoundsMs) ?? 10_000;
  const timeoutMs = duration('timeout', timeoutBoundsMs) ?? defaultTimeoutMs(intervalMs);
  if (timeoutMs >= intervalMs) {
    // Checks that outlast their interval pile up, and the last one to finish would decide.
    const message =
      `timeout ${formatDuration(timeoutMs)} is not below the interval ` +
      `${formatDuration(intervalMs)}; shorten it or lengthen the interval`;
    findings.error('E_FORM_RANGE', at(path, 'timeout'), message);
  }
  return { intervalMs, timeoutMs, fall: threshold('fall') ?? 3, rise: threshold('rise') ?? 2 };
}

function readQuorum(value: unknown, path: string, findings: Findings): Monitor['quorum'] {
  if (typeof value === 'number') {
    const bounds = { min: 1, max: limits.monitorQuorum, integer: true };
    return readNumber(value, path, 'quorum', bounds, findings) ?? 'majority';
  }
  if (value === undefined || quorumWords.some((word) => word === value)) {
    return (value as Monitor['quorum'] | undefined) ?? 'majority';
  }
  const message = `quorum is ${show(value)}; use any, majority, all or a number of agents`;
  findings.error('E_FORM_VALUE', path, message);
  return 'majority';
}

function readVantages(value: unknown, path: string, findings: Findings): string[] | undefined {
  if (value === undefined) return undefined;
  const bounds = { min: 1, max: limits.vantagesPerMonitor };
  const read = (entry: unknown, where: string) => {
    const name = readText(entry, where, 'from', findings, limits.objectNameChars);
    if (name === undefined) return undefined;
    return checkObjectName(name, where, 'an agent or agent region', findings) ? name : undefined;
  };
  return readDistinct(value, path, 'from', bounds, read, findings);
}

function refuseForeignKeys(
  form: Form,
  type: Monitor['type'],
  path: string,
  findings: Findings,
): void {
  for (const key of Object.keys(form)) {
    if (!everyKey.includes(key) || (commonKeys as readonly string[]).includes(key)) continue;
    if (keysOfType[type].includes(key)) continue;
    const others = monitorTypes.filter((other) => keysOfType[other].includes(key)).join(' and ');
    const message = `"${key}" is for ${others} monitors and this is ${type}; remove it`;
    findings.error('E_FORM_UNKNOWN_KEY', at(path, key), message);
  }
}
