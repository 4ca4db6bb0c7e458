import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './harness.ts';

const commands = ['apply', 'check', 'doctor', 'explain', 'export', 'simulate'];

for (const command of commands) {
  test(`${command} --help shows its flags and examples`, async () => {
    const { code, out } = await run([command, '--help']);
    assert.equal(code, 0);
    assert.match(out, new RegExp(`^Usage: meridian ${command} `));
    assert.match(out, /--json/);
    assert.match(out, new RegExp(`^Examples:\\n {2}\\$ meridian ${command}`, 'm'));
    for (const line of out.split('\n')) assert.ok(line.length <= 110, line);
  });
}

test('an unknown command or flag ends with 2 and suggests one', async () => {
  const command = await run(['aply']);
  assert.equal(command.code, 2);
  assert.match(command.err, /Did you mean apply\?/);
  const flag = await run(['apply', '--dry-rn']);
  assert.equal(flag.code, 2);
  assert.match(flag.err, /Did you mean --dry-run\?/);
});

test('a malformed URL is a usage error', async () => {
  const { code, err } = await run(['export', 'x', '--url', 'nowhere']);
  assert.equal(code, 2);
  assert.match(err, /"nowhere" is no http or https URL/);
});
