/**
 * Error classes of checks: the words of reports and events. Their places are what reports carry
 * (`packed-report.ts`): new ones are added at the end, none is ever taken out. Those marked below
 * say that the check could not be made, which is the agent's trouble or the monitor's: their
 * outcome is `unknown`.
 */
export const checkErrors = [
  'connect-refused',
  'connect-timeout',
  'connect-reset',
  'connect-unreachable',
  'connect-failed',
  'tls-timeout',
  'tls-handshake',
  'tls-untrusted',
  'tls-name',
  'tls-expired',
  'tls-not-yet-valid',
  'tls-expiring',
  'http-timeout',
  'http-closed',
  'http-protocol',
  'http-status',
  'http-redirect',
  'body-mismatch',
  'body-status',
  'dns-timeout',
  'dns-closed',
  'dns-malformed',
  'dns-rcode',
  'dns-answer',
  'exec-exit',
  'exec-degraded',
  'exec-timeout',
  'redirect-refused',
  // not the target's fault
  'guard-refused',
  'no-ipv6',
  'agent-resources',
  'agent-forbidden',
  'body-pattern',
  'exec-start',
  'exec-refused',
  'check-invalid',
  'check-stuck',
  // icmp
  'icmp-timeout',
  'icmp-unreachable',
] as const;

/** One of `checkErrors`. */
export type CheckError = (typeof checkErrors)[number];
