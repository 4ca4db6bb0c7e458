import type { Monitor } from '../health/monitor.ts';
import type { Check } from './check-result.ts';
import { checkDns } from './checks/dns.ts';
import { checkExec } from './checks/exec.ts';
import { checkHttp } from './checks/http.ts';
import { checkTcp } from './checks/tcp.ts';
import { checkTls } from './checks/tls.ts';

const checks: Readonly<Record<Monitor['type'], Check>> = {
  tcp: checkTcp,
  http: checkHttp,
  https: checkHttp,
  tls: checkTls,
  dns: checkDns,
  exec: checkExec,
};

/** Makes the check that the target's monitor asks for. Never rejects. */
export const runCheck: Check = (target, context) => checks[target.monitor.type](target, context);
