import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { decodeMessage, encodeMessage, makeQuery } from '../../wire/message.ts';
import { parseName } from '../../wire/names.ts';
import { isRdataError, rcodes, rrTypes } from '../../wire/types.ts';
import type { NameKey } from '../../zone/zone.ts';
import type { Endpoint } from '../flags.ts';

/**
 * Asks one of this process's own listeners for the SOA of a zone, over UDP as resolvers do. Resolves
 * with what was wrong, or with nothing when the answer was right; never rejects.
 */
export function askSelf(
  listener: Endpoint,
  apex: NameKey,
  timeoutMs: number,
): Promise<string | undefined> {
  const name = parseName(apex);
  if (isRdataError(name)) return Promise.resolve(`${apex} is no name`);
  const id = randomInt(65_536);
  const query = encodeMessage(makeQuery(name, rrTypes.SOA, { id }));
  const host = reachable(listener.host);
  return new Promise((resolve) => {
    const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
    const done = (wrong: string | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(wrong);
    };
    const timer = setTimeout(() => done(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.once('error', (error) => done(error.message));
    socket.on('message', (octets) => {
      const answer = decodeMessage(octets);
      // An answer to an earlier question, or anybody's datagram.
      if (answer === undefined || answer.id !== id || answer.flags.qr !== true) return;
      const isRight =
        answer.rcode === rcodes.NOERROR && answer.flags.aa === true && answer.answers.length > 0;
      done(isRight ? undefined : `RCODE ${answer.rcode}, ${answer.answers.length} records`);
    });
    socket.connect(listener.port, host, () => socket.send(query));
  });
}

/** A listener on all addresses is asked on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
