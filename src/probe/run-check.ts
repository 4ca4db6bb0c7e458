import type { Monitor } from '../health/monitor.ts';
import type { Check, CheckResult } from './check-result.ts';
import { checkDns } from './checks/dns.ts';
import { checkExec } from './checks/exec.ts';
import { checkHttp } from './checks/http.ts';
import { checkIcmp } from './checks/icmp.ts';
import { checkTcp } from './checks/tcp.ts';
import { checkTls } from './checks/tls.ts';

const checks: Readonly<Record<Monitor['type'], Check>> = {
  tcp: checkTcp,
  http: checkHttp,
  https: checkHttp,
  tls: checkTls,
  dns: checkDns,
  icmp: checkIcmp,
  exec: checkExec,
};

/**
 * Gives the function that makes whatever check a target's monitor asks for; it never rejects. Unless
 * `allowExec`, commands are not run and their outcome is `unknown`: a token that may write monitors
 * must not by itself be a shell on every agent.
 */
export function createCheck(allowExec: boolean): Check {
  return (target, context) => {
    const { type } = target.monitor;
    if (type === 'exec' && !allowExec) return Promise.resolve(execRefused);
    // A controller of a later version may know more types than this agent.
    const check: Check | undefined = checks[type];
    return check === undefined ? Promise.resolve(unknownType) : check(target, context);
  };
}

const unknownType: CheckResult = {
  outcome: 'unknown',
  error: 'check-invalid',
  errorText: 'this agent does not know the type of the monitor; update it',
};

const execRefused: CheckResult = {
  outcome: 'unknown',
  error: 'exec-refused',
  errorText: 'this agent runs no commands; start it with --allow-exec if monitors may run them',
};
