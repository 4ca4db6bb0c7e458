import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MeridianError } from '../../../src/base/errors.ts';
import {
  checkClock,
  checkNode,
  checkReceiveBuffer,
  checkUdpBackend,
} from '../../../src/cli/doctor/machine.ts';
import { checkPort } from '../../../src/cli/doctor/ports.ts';

test('checkNode fails Node below 24', () => {
  assert.equal(checkNode('24.0.0').status, 'ok');
  assert.equal(checkNode('100.1.0').status, 'ok');
  const old = checkNode('22.19.0');
  assert.equal(old.status, 'fail');
  assert.match(old.remedy ?? '', /Node 24/);
});

test('checkUdpBackend names what moves packets, and why not the addon', () => {
  assert.match(checkUdpBackend(undefined).text, /in batches.*--io xdp can be had/);
  assert.match(checkUdpBackend(undefined, 'no right').text, /in batches.*no --io xdp: no right/);
  const without = checkUdpBackend('it was not built');
  assert.equal(without.status, 'warn');
  assert.match(without.text, /node:dgram.*it was not built/);
});

test('checkReceiveBuffer warns below what sockets ask for', () => {
  assert.equal(checkReceiveBuffer('4194304\n').status, 'ok');
  const small = checkReceiveBuffer('212992\n');
  assert.equal(small.status, 'warn');
  assert.match(small.text, /208 KiB/);
  assert.equal(checkReceiveBuffer(undefined).status, 'ok');
});

test('checkClock fails a clock before the installation or the newest revision', () => {
  const nowMs = Date.parse('2026-01-31T00:00:00Z');
  const day = 86_400_000;
  assert.equal(checkClock({ nowMs, installedMs: nowMs - day }).status, 'ok');
  assert.equal(checkClock({ nowMs, installedMs: nowMs + 2 * day }).status, 'fail');
  const revised = { nowMs, installedMs: 0, revisionMs: nowMs + 60_000 };
  assert.match(checkClock(revised).text, /before the newest revision/);
  assert.equal(checkClock({ nowMs, installedMs: 0, peerMs: nowMs + 60_000 }).status, 'warn');
  assert.equal(checkClock({ nowMs, installedMs: 0, peerMs: nowMs - 2000 }).status, 'ok');
});

const address = { host: '127.0.0.1', port: 53 };
const refusing = (code: 'E_PORT_TAKEN' | 'E_PORT_FORBIDDEN', message: string) => async () => {
  throw new MeridianError({ code, message });
};

test('checkPort passes a port that can be claimed, or that the node of this folder holds', async () => {
  assert.equal((await checkPort(address, async () => [])).status, 'ok');
  const taken = refusing('E_PORT_TAKEN', 'UDP 127.0.0.1:53 is held by node (pid 42); stop it');
  assert.equal((await checkPort(address, taken, { ownPid: 42 })).status, 'ok');
  const other = await checkPort(address, taken, { ownPid: 43 });
  assert.equal(other.status, 'fail');
  assert.equal(other.text, 'UDP 127.0.0.1:53 is held by node (pid 42)');
  assert.equal(other.remedy, 'stop it');
});

test('checkPort only warns of a port that need not be had', async () => {
  const forbidden = refusing('E_PORT_FORBIDDEN', 'this process may not bind it; run setcap');
  assert.equal((await checkPort(address, forbidden, { optional: true })).status, 'warn');
});
