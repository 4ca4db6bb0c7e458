import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Command, CommanderError } from 'commander';
import { formatPrefix } from '../../src/base/ip.ts';
import {
  addProtectionFlags,
  type ProtectionFlags,
  protectionOptions,
} from '../../src/cli/protection-flags.ts';

const [first, second] = ['e5e973e5a6b2a43f48e7dc849e37bfcf', '445536bcd2513298075a5d379663c962'];

/** The options that the flags lead to. */
function parse(...words: readonly string[]) {
  const command = addProtectionFlags(new Command('serve').exitOverride()).configureOutput({
    writeErr: () => {},
  });
  command.parse(words, { from: 'user' });
  const { rateLimit, cookieSecrets } = protectionOptions(command.opts<ProtectionFlags>());
  return {
    ...rateLimit,
    exempt: rateLimit.exempt?.map(formatPrefix),
    secrets: cookieSecrets?.map((secret) => Buffer.from(secret).toString('hex')),
  };
}

test('addProtectionFlags() has the shipping defaults', () => {
  assert.deepEqual(parse(), {
    perSecond: 50,
    slip: 2,
    exempt: ['127.0.0.0/8', '::1/128'],
    secrets: undefined,
  });
});

test('--rrl-exempt takes the place of the default, and "none" empties it', () => {
  const given = ['--rrl-exempt', '192.0.2.0/24', '--rrl-exempt', '2001:db8::/32'];
  assert.deepEqual(parse(...given).exempt, ['192.0.2.0/24', '2001:db8::/32']);
  assert.deepEqual(parse('--rrl-exempt', 'none').exempt, []);
  assert.throws(() => parse('--rrl-exempt', '192.0.2.1/24'), /is not a prefix/);
});

test('--rrl and --rrl-slip take whole numbers within bounds', () => {
  const { perSecond, slip } = parse('--rrl', '0', '--rrl-slip', '1');
  assert.deepEqual([perSecond, slip], [0, 1]);
  assert.throws(() => parse('--rrl', '100001'), /0 to 100000/);
  assert.throws(() => parse('--rrl-slip', '1.5'), /0 to 100/);
});

test('--cookie-secret takes two, from the environment as well', (t) => {
  const flags = ['--cookie-secret', first, '--cookie-secret', second];
  assert.deepEqual(parse(...flags).secrets, [first, second]);
  process.env['MERIDIAN_COOKIE_SECRET'] = `${second},${first}`;
  t.after(() => delete process.env['MERIDIAN_COOKIE_SECRET']);
  assert.deepEqual(parse().secrets, [second, first]);
});

test('--cookie-secret refuses without repeating a secret', () => {
  for (const text of [
    first.slice(1),
    `${first}00`,
    first.replace('e', 'x'),
    `${first},${first},${second}`,
  ]) {
    assert.throws(
      () => parse('--cookie-secret', text),
      (error) => error instanceof CommanderError && !error.message.includes(text.slice(0, 8)),
      text,
    );
  }
});
