import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { registerProbe } from '../../src/cli/probe.ts';
import { createProgram, exitCodes, runProgram } from '../../src/cli/program.ts';

/** Runs `meridian probe` with words and an environment; what it printed, and its exit code. */
async function probe(words: readonly string[], env: Readonly<Record<string, string>> = {}) {
  let printed = '';
  const note = (text: string) => {
    printed += text;
  };
  const terminal = { out: note, err: note, env };
  const program = createProgram('1.0', terminal);
  registerProbe(program, terminal, '1.0');
  const code = await runProgram(program, ['probe', '--log-level', 'silent', ...words], terminal);
  return { code, printed };
}

const place = ['--location', 'aws:eu-west-1'];

test('meridian probe speaks plain HTTP to this machine alone, unless told to', async () => {
  const { code, printed } = await probe(['--control', 'http://192.0.2.1:8053', ...place]);
  assert.equal(code, exitCodes.refused);
  assert.match(printed, /^--control: http:\/\/192\.0\.2\.1:8053 .*--plain-http.*E_PROBE_CONTROL/);
});

test('meridian probe needs a token at its first start, and makes its key before it asks', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-probe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const words = ['--control', 'http://127.0.0.1:1', '--data', folder, ...place];
  const { code, printed } = await probe(words);
  assert.equal(code, exitCodes.refused);
  assert.match(printed, /MERIDIAN_TOKEN.*agent:enroll.*E_TOKEN_MISSING/);
  assert.ok(existsSync(join(folder, 'agent.key')));
});

test('meridian probe wants to know where it is and whom to tell', async () => {
  assert.equal((await probe(['--control', 'http://127.0.0.1:1'])).code, exitCodes.usage);
  assert.equal((await probe(place)).code, exitCodes.usage);
  assert.equal((await probe(['--control', 'ftp://127.0.0.1', ...place])).code, exitCodes.usage);
});

test('meridian probe says what is wrong with --ca and with a token, before it asks anybody', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-probe-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const words = ['--control', 'http://127.0.0.1:1', '--data', folder, ...place];
  const noPem = join(folder, 'no.pem');
  writeFileSync(noPem, 'no certificate\n');
  for (const file of [join(folder, 'missing.pem'), noPem]) {
    const { code, printed } = await probe([...words, '--ca', file]);
    assert.equal(code, exitCodes.refused);
    assert.match(printed, /^--ca: .*\.pem holds no certificates that can be read .*E_FLAG/);
  }
  const { code, printed } = await probe(words, { MERIDIAN_TOKEN: 'mrd_a\nb' });
  assert.equal(code, exitCodes.refused);
  assert.match(printed, /^MERIDIAN_TOKEN: the token holds .*E_FLAG/);
  assert.match((await probe([...words, '--token', ' \n'])).printed, /E_TOKEN_MISSING/);
});
