import { MeridianError } from '../../base/errors.ts';
import { type Endpoint, formatEndpoint } from '../flags.ts';
import { type Finding, findingsOf } from './finding.ts';

/** Binds addresses for UDP and TCP and lets them go; throws MeridianError (server/claim-addresses.ts). */
export type Claim = (addresses: readonly Endpoint[]) => Promise<unknown>;

/**
 * Tries to bind an address. `ownPid` is the process that holds the data directory: a port that it
 * has is in good hands. `optional` addresses that cannot be bound are warnings.
 */
export async function checkPort(
  address: Endpoint,
  claim: Claim,
  { ownPid, optional = false }: { ownPid?: number | undefined; optional?: boolean } = {},
): Promise<Finding> {
  const { ok, warn, fail } = findingsOf('port');
  const name = formatEndpoint(address);
  try {
    await claim([address]);
    return ok(`${name} is free for UDP and TCP`);
  } catch (error) {
    if (!(error instanceof MeridianError)) throw error;
    const message = error.problems[0]?.message ?? error.message;
    const holder = Number(/\(pid (\d+)\)/.exec(message)?.[1]);
    if (error.code === 'E_PORT_TAKEN' && ownPid !== undefined && holder === ownPid) {
      return ok(`${name} is held by the Meridian of this data folder (pid ${ownPid})`);
    }
    const semicolon = message.indexOf('; ');
    const [text, remedy] =
      semicolon < 0
        ? [message, undefined]
        : [message.slice(0, semicolon), message.slice(semicolon + 2)];
    return optional ? warn(text, remedy) : fail(text, remedy);
  }
}
