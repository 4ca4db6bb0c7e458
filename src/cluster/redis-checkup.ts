import { errorText } from '../base/errors.ts';
import { openRedisBus } from './redis-bus.ts';
import { RedisLink, type RedisReply } from './redis-link.ts';
import type { BusAddress } from './redis-url.ts';

/** What was found of a Redis, for an operator; each text says why something could not be had. */
export interface RedisCheckup {
  /** Absent when no connection was made; then nothing else is known. */
  readonly server?: { readonly name: 'Redis' | 'Valkey'; readonly version: string };
  readonly failure?: string;
  /** Whether every write is on disk within a second; undefined: the user may not see the settings. */
  readonly appendOnly?: boolean;
  /** What is thrown away when memory runs out; undefined as above. */
  readonly evictionPolicy?: string;
  /** Why this user cannot do what every member does: read, follow, and say that it lives. */
  readonly cannotFollow?: string;
  /** Why this user cannot do what controllers do; undefined when it can. Nothing is changed to find out. */
  readonly cannotLead?: string;
}

const waitMs = 4000;

/**
 * Looks at a Redis as a member of a cluster would use it. Leaves nothing behind but a heartbeat, which
 * it takes away again. Never rejects.
 */
export async function checkRedis(address: BusAddress, cluster: string): Promise<RedisCheckup> {
  let failure = 'no answer';
  const link = new RedisLink({
    address,
    commandMs: waitMs,
    onFailure: (text) => {
      failure = text;
    },
  });
  try {
    await link.ready(waitMs);
    if (!link.isUp) return { failure };
    const server = serverOf(textOf(await link.send('info', 'server')));
    const appendOnly = await setting(link, 'appendonly');
    const evictionPolicy = await setting(link, 'maxmemory-policy');
    return {
      server,
      ...(appendOnly === undefined ? {} : { appendOnly: appendOnly === 'yes' }),
      ...(evictionPolicy === undefined ? {} : { evictionPolicy }),
      ...(await checkRights(address, cluster)),
    };
  } catch (error) {
    return { failure: errorText(error) };
  } finally {
    link.close();
  }
}

async function checkRights(
  address: BusAddress,
  cluster: string,
): Promise<Pick<RedisCheckup, 'cannotFollow' | 'cannotLead'>> {
  const bus = openRedisBus({ address, cluster });
  const nobody = { holder: 'doctor/0', term: 0 };
  const position = { term: 0, sequence: 0 };
  const why = async (...steps: readonly (() => Promise<unknown>)[]) => {
    try {
      for (const step of steps) await step();
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  };
  try {
    const cannotFollow = await why(
      () => untilUp(() => bus.state()),
      () => bus.entries(position, 1, 1),
      () => bus.table('health'),
      () => bus.follow('health', position, 1, 1),
      () => bus.snapshot(),
      () => bus.beat('doctor', new Uint8Array(), 1000),
      () => bus.forget('doctor'),
      () => bus.nodes(),
    );
    // All of them are refused for want of the lease, unless the user may not even ask.
    const cannotLead = await why(
      () => bus.renew(nobody, 1),
      () => bus.append(nobody, { position, bytes: new Uint8Array(1) }, ''),
      () => bus.publish(nobody, 'health', { position, full: false, bytes: new Uint8Array(1) }),
      () => bus.read('reports', undefined, 1, 1),
    );
    return {
      ...(cannotFollow === undefined ? {} : { cannotFollow }),
      ...(cannotLead === undefined ? {} : { cannotLead }),
    };
  } finally {
    await bus.close();
  }
}

/** The bus connects by itself, and what is asked meanwhile fails. */
async function untilUp(step: () => Promise<unknown>): Promise<void> {
  const endMs = performance.now() + waitMs;
  for (;;) {
    try {
      await step();
      return;
    } catch (error) {
      if (performance.now() > endMs || errorText(error).includes('NOPERM')) throw error;
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

/** A setting of the server; undefined where this user may not see it. */
async function setting(link: RedisLink, name: string): Promise<string | undefined> {
  try {
    const reply = await link.send('config', 'get', name);
    return Array.isArray(reply) ? textOf(reply[1] as RedisReply) : undefined;
  } catch {
    return undefined;
  }
}

function serverOf(info: string): { name: 'Redis' | 'Valkey'; version: string } {
  const field = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim();
  const valkey = field('valkey_version');
  if (valkey !== undefined) return { name: 'Valkey', version: valkey };
  return { name: 'Redis', version: field('redis_version') ?? '?' };
}

function textOf(reply: RedisReply): string {
  return Buffer.isBuffer(reply) ? reply.toString('utf8') : String(reply ?? '');
}
