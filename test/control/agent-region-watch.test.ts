import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { AgentRegionWatch } from '../../src/control/agent-region-watch.ts';
import { createHealthControl } from '../../src/control/apply-health.ts';
import { readTrafficFile } from '../../src/control/traffic-file.ts';
import type { FleetAgent } from '../../src/policy/traffic.ts';

/** A log that keeps its warnings and news. */
function keptLog() {
  const lines: string[] = [];
  const keep = (_: object, text: string) => void lines.push(text);
  const log: Log = { debug: () => {}, info: keep, warn: keep, error: keep };
  return { log, lines };
}

const region = (more: object) => ({
  ...{ region: 'eu', agents: 3, fresh: 3, unwell: 0, forgotten: 0, silentMs: 200 },
  ...more,
});

test('AgentRegionWatch says once when a region is silent, and once when it is back', () => {
  const { log, lines } = keptLog();
  const watch = new AgentRegionWatch(log);
  watch.look([region({})]);
  watch.look([region({ fresh: 0, silentMs: 9000 })]);
  assert.deepEqual(lines, []);
  for (const silentMs of [10_000, 11_000, 60_000]) watch.look([region({ fresh: 0, silentMs })]);
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /^nothing is heard of agent region eu \(3 agents\); .*Revoke/);
  watch.look([region({ fresh: 1, silentMs: 100 })]);
  watch.look([region({})]);
  assert.deepEqual(lines.slice(1), ['agent region eu is heard again']);
});

test('AgentRegionWatch tells silence from failing canaries, and lets go of who is gone', () => {
  const { log, lines } = keptLog();
  const watch = new AgentRegionWatch(log);
  watch.look([region({ agents: 1, fresh: 0, unwell: 1, silentMs: 500 })]);
  assert.match(lines[0] ?? '', /^agent region eu \(1 agent\) is not believed: its canaries fail;/);
  watch.look([]);
  watch.look([region({})]);
  watch.look([region({ fresh: 0, forgotten: 3, silentMs: 90_000_000 })]);
  assert.equal(lines.length, 1);
});

test('a fleet whose other region was never heard says so after ten seconds', () => {
  const clock = new VirtualClock();
  const { log, lines } = keptLog();
  const control = createHealthControl({ clock, log, onServicesChanged: () => {} });
  const { traffic } = readTrafficFile('regions: {}\n', 'traffic.yaml');
  const agent = { location: '0,0', region: 'eu', publicKey: '', canaries: new Map() };
  const agents = new Map([['a', { ...agent, state: 'active' } as unknown as FleetAgent]]);
  control.setTraffic({ ...traffic, agents });
  for (let second = 0; second < 12; second += 1) clock.advance(1000);
  assert.deepEqual(
    lines.map((line) => line.split(';')[0]),
    ['nothing is heard of agent region eu (1 agent)'],
  );
  control.close();
});
