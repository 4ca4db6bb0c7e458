import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Findings } from '../../src/control/findings.ts';
import { formatAgent, parseAgent, regionOf } from '../../src/control/parse-agent.ts';
import { formatMaintenance, readMaintenance } from '../../src/control/parse-maintenance.ts';
import { formatMonitor, parseMonitor } from '../../src/control/parse-monitor.ts';

const publicKey = 'ok2FBQI-cDAV8oQIUukLgdtP3X3Rt5rM6KXwTg5qzRU';

function problemsOf(read: (findings: Findings) => unknown): string[] {
  const findings = new Findings();
  read(findings);
  return findings.problems.map(({ code, where }) => `${code} ${where}`);
}

test('parseAgent() and formatAgent() are inverse, with and without what is default', () => {
  const forms = [
    { location: 'aws:eu-west-1', publicKey },
    { location: '52.5,13.4', region: 'berlin', publicKey, state: 'revoked' },
    { location: 'iata:FRA', publicKey, canaries: { uplink: ['192.0.2.1', '2001:db8::1'] } },
  ];
  for (const form of forms) {
    const agent = parseAgent(form, '', new Findings());
    assert.ok(agent !== undefined);
    assert.deepEqual(formatAgent(agent), form);
  }
});

test('parseAgent() says all that is wrong', () => {
  const form = {
    location: 'nowhere',
    region: 'No',
    publicKey: 'x',
    state: 'gone',
    canaries: { m: ['y'] },
  };
  assert.deepEqual(
    problemsOf((findings) => parseAgent(form, '', findings)),
    [
      'E_PLACE_UNKNOWN /location',
      'E_NAME_INVALID /region',
      'E_FORM_VALUE /publicKey',
      'E_FORM_VALUE /state',
      'E_VIP_INVALID /canaries/m/0',
    ],
  );
});

test('regionOf() makes a name of any location', () => {
  assert.equal(regionOf('aws:eu-west-1'), 'aws-eu-west-1');
  assert.equal(regionOf('52.5,13.4'), 'at-52-5-13-4');
  assert.equal(regionOf('city:Frankfurt am Main,DE'), 'city-frankfurt-am-main-de');
});

test('readMaintenance() and formatMaintenance() are inverse', () => {
  const maintenance = [
    { from: '2026-01-31T18:00:00.000Z', to: '2026-01-31T20:00:00.000Z' },
    { days: ['sat', 'sun'], at: '02:05', for: '2h' },
    { at: '00:00', for: '90s' },
  ];
  const read = readMaintenance(maintenance, '', new Findings());
  assert.deepEqual(formatMaintenance(read), { maintenance });
});

test('readMaintenance() says what is wrong with a window', () => {
  const windows = [
    { from: '2026-01-31T18:00:00Z' },
    { from: '2026-01-31T18:00:00Z', to: '2026-01-31T17:00:00Z' },
    { from: 'tomorrow', to: '2026-01-31T17:00:00Z' },
    { from: '2026-01-31T18:00:00Z', to: '2026-01-31T19:00:00Z', at: '01:00' },
    { days: ['sat', 'sat'], at: '24:00', for: '1h' },
    { at: '01:00', for: '8d' },
  ];
  assert.deepEqual(
    problemsOf((findings) => readMaintenance(windows, '', findings)),
    [
      'E_FORM_MISSING /0',
      'E_FORM_RANGE /1/to',
      'E_FORM_VALUE /2/from',
      'E_CONFLICT /3',
      'E_FORM_DUPLICATE /4/days/1',
      'E_FORM_VALUE /4/at',
      'E_FORM_RANGE /5/for',
    ],
  );
});

test('parseMonitor() takes vantages, canaries and icmp without a port', () => {
  const form = { type: 'icmp', from: ['eu', 'agent-1'], canaries: ['192.0.2.1'] };
  const monitor = parseMonitor(form, '', new Findings());
  assert.ok(monitor !== undefined);
  assert.deepEqual(formatMonitor(monitor), form);
});
