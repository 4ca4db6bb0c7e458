import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logLine } from '../../src/cli/log-line.ts';

test('logLine() adds what and why, unless the message says it', () => {
  const died = { worker: 'udp 0', reason: 'exit 1', level: 50, time: 1 };
  assert.equal(logLine(died, 'a worker died'), 'a worker died (worker udp 0, reason exit 1)');
  assert.equal(logLine({ error: 'EIO' }, 'not written: EIO'), 'not written: EIO');
  assert.equal(logLine({ revision: 3 }, 'served'), 'served');
});

test('logLine() shows the stack of what was thrown', () => {
  const err = { type: 'Error', message: 'boom', stack: 'Error: boom\n    at x' };
  const line = logLine({ err, method: 'PUT', route: '/v1/x' }, 'a request failed');
  assert.equal(line, 'a request failed (method PUT, route /v1/x, Error: boom\n    at x)');
});

test('logLine() leaves nothing that a terminal acts on', () => {
  const line = logLine({ reason: '\u001b[2J\u202e' }, 'got \u0007');
  assert.equal(line, 'got \ufffd (reason \ufffd[2J\ufffd)');
});
