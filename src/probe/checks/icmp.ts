import { randomBytes } from 'node:crypto';
import { type OpenedEcho, openEchoSocket } from '../../../native/icmp/echo-socket.ts';
import { formatIp, parseIp, toBytes } from '../../base/ip.ts';
import { type Check, CheckFailure, portOf, settleCheck } from '../check-result.ts';
import { connectFailure } from '../connect.ts';
import { checkTcp } from './tcp.ts';

/** Opens echo sockets; tests put their own. */
export type OpenEcho = typeof openEchoSocket;

/**
 * Makes the check that is up when an echo request is answered (RFC 792, RFC 4443 §4.1). Where this
 * process may not send one, or the addon is not built, the check is made over tcp and says so.
 */
export function createIcmpCheck(openEcho: OpenEcho): Check {
  const sockets = new Map<4 | 6, OpenedEcho>();
  /** Replies that are waited for: by the nonce of the request. */
  const waiting = new Map<string, (source: Buffer, receivedNs: bigint) => void>();

  const socketOf = (family: 4 | 6): OpenedEcho => {
    let opened = sockets.get(family);
    if (opened === undefined) {
      opened = openEcho(family, (source, message, receivedNs) => {
        const nonce = message.subarray(headerBytes, headerBytes + nonceBytes).toString('hex');
        waiting.get(nonce)?.(source, receivedNs);
      });
      sockets.set(family, opened);
    }
    return opened;
  };

  return async (target, context) => {
    const ip = parseIp(target.address);
    if (ip === undefined) return checkTcp(target, context); // which says what is wrong with it
    const opened = socketOf(ip.family);
    if ('reason' in opened) {
      return { ...(await checkTcp(target, context)), downgraded: opened.reason };
    }
    return settleCheck(async (timings) => {
      const { address } = target;
      const refusal = context.guard.refusal(address);
      if (refusal !== undefined) throw new CheckFailure('guard-refused', refusal, 'unknown');
      const nonce = randomBytes(nonceBytes);
      const key = nonce.toString('hex');
      const wanted = Buffer.from(toBytes(ip));
      timings.connectMs = await new Promise<number>((resolve, reject) => {
        const onAbort = () => {
          waiting.delete(key);
          reject(new CheckFailure('icmp-timeout', `${address} did not answer an echo request`));
        };
        if (context.signal.aborted) return onAbort();
        context.signal.addEventListener('abort', onAbort, { once: true });
        const sentNs = process.hrtime.bigint();
        waiting.set(key, (source, receivedNs) => {
          // Somebody else's answer is none (invariant 13: the address that answers counts).
          if (!source.equals(wanted)) return;
          waiting.delete(key);
          context.signal.removeEventListener('abort', onAbort);
          resolve(Math.max(0, Number(receivedNs - sentNs) / 1e6));
        });
        const errno = opened.socket.send(wanted, echoRequest(ip.family, nonce));
        if (errno === 0 || errno === errnos.EAGAIN) return;
        waiting.delete(key);
        context.signal.removeEventListener('abort', onAbort);
        reject(sendFailure(errno, formatIp(ip), portOf(target)));
      });
      return { outcome: 'up' };
    });
  };
}

/** The check on this machine's sockets. */
export const checkIcmp: Check = createIcmpCheck(openEchoSocket);

const headerBytes = 8;
const nonceBytes = 16;
const requestTypes = { 4: 8, 6: 128 } as const;
/** Of Linux, where alone the addon runs. */
const errnos = {
  EPERM: 1,
  EAGAIN: 11,
  EACCES: 13,
  EADDRNOTAVAIL: 99,
  ENETUNREACH: 101,
  EHOSTUNREACH: 113,
};

function sendFailure(errno: number, address: string, port: number): CheckFailure {
  const [code = 'EIO'] = Object.entries(errnos).find(([, number]) => number === errno) ?? [];
  const failure = connectFailure(Object.assign(new Error(code), { code }), address, port);
  if (failure.error !== 'connect-unreachable') return failure;
  return new CheckFailure('icmp-unreachable', `no route to ${address} (${code})`);
}

/** An echo request; its checksum (RFC 1071) is filled in for IPv4, IPv6's is the kernel's to make. */
function echoRequest(family: 4 | 6, nonce: Buffer): Buffer {
  const packet = Buffer.alloc(headerBytes + 32);
  packet[0] = requestTypes[family];
  packet.writeUInt16BE(process.pid & 0xffff, 4);
  nonce.copy(packet, headerBytes);
  if (family === 4) {
    let sum = 0;
    for (let at = 0; at < packet.length; at += 2) sum += packet.readUInt16BE(at);
    while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
    packet.writeUInt16BE(~sum & 0xffff, 2);
  }
  return packet;
}
