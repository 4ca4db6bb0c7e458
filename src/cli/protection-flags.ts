import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatPrefix, type Prefix, parsePrefix } from '../base/ip.ts';
import { limits } from '../base/limits.ts';
import { cookieSecretBytes, defaultRateLimit } from '../server/protection-settings.ts';
import type { RateLimitOptions } from '../server/settings.ts';
import { parseCount } from './flags.ts';

/** What commander hands over of the flags that `addProtectionFlags` adds. */
export interface ProtectionFlags {
  readonly rrl: number;
  readonly rrlSlip: number;
  readonly rrlExempt: readonly Prefix[];
  readonly cookieSecret?: readonly Uint8Array[];
}

/** Adds the flags of the rate limit and of DNS cookies. */
export function addProtectionFlags(command: Command): Command {
  const { perSecond, slip, exempt } = defaultRateLimit;
  return command
    .addOption(
      new Option('--rrl <n>', 'answers a second that a client may get over UDP; 0: no limit')
        .argParser(parseCount(0, limits.rateLimitPerSecond))
        .default(perSecond),
    )
    .addOption(
      new Option('--rrl-slip <n>', 'of those suppressed, send one in n with TC; 0: none')
        .argParser(parseCount(0, limits.rateLimitSlip))
        .default(slip),
    )
    .addOption(
      new Option('--rrl-exempt <cidr>', 'never limit these clients (repeatable; "none": nobody)')
        .argParser(collectExempt)
        .default(exempt, exempt.map(formatPrefix).join(' and ')),
    )
    .addOption(
      new Option(
        '--cookie-secret <hex>',
        'sign DNS cookies with this, as other nodes do; a second one is believed too (repeatable; ' +
          'default: random, renewed every 26 hours)',
      )
        .argParser(secretsCollector(command))
        .env('MERIDIAN_COOKIE_SECRET'),
    );
}

/** The flags as the data plane takes them. */
export function protectionOptions(flags: ProtectionFlags): {
  readonly rateLimit: RateLimitOptions;
  readonly cookieSecrets?: readonly Uint8Array[];
} {
  const { rrl, rrlSlip, rrlExempt, cookieSecret } = flags;
  return {
    rateLimit: { perSecond: rrl, slip: rrlSlip, exempt: rrlExempt },
    ...(cookieSecret === undefined ? {} : { cookieSecrets: cookieSecret }),
  };
}

/** The first prefix that is given takes the place of the default. */
function collectExempt(text: string, before: readonly Prefix[]): readonly Prefix[] {
  const given = before === defaultRateLimit.exempt ? [] : before;
  if (text === 'none') return given;
  const prefix = parsePrefix(text);
  if (prefix === undefined) {
    throw new InvalidArgumentError(
      `"${text}" is not a prefix; write one as 192.0.2.0/24, or "none"`,
    );
  }
  if (given.length === limits.rateLimitExemptions) {
    throw new InvalidArgumentError(`more than ${limits.rateLimitExemptions} prefixes`);
  }
  return [...given, prefix];
}

/**
 * Several may stand in one text, with commas between them. Errors go out by `command.error`, since an
 * InvalidArgumentError would repeat the secret.
 */
function secretsCollector(command: Command) {
  const digits = cookieSecretBytes * 2;
  const refuse = (reason: string) =>
    command.error(`error: option '--cookie-secret <hex>': ${reason}`);
  const parse = (text: string): Uint8Array => {
    if (text.length !== digits || !/^[0-9a-f]*$/i.test(text)) {
      const remedy = `make one with openssl rand -hex ${cookieSecretBytes}`;
      refuse(`a secret is ${digits} hexadecimal digits; ${remedy}`);
    }
    return Uint8Array.from(Buffer.from(text, 'hex'));
  };
  return (text: string, before: readonly Uint8Array[] = []): readonly Uint8Array[] => {
    const secrets = [...before, ...text.split(',').map(parse)];
    if (secrets.length <= limits.cookieSecrets) return secrets;
    return refuse('give at most two, the one that signs and another that is believed');
  };
}
