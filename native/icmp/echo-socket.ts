import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { addonFile } from '../addon-file.ts';

/** The functions of icmp.c. */
interface IcmpAddon {
  open(
    family: 4 | 6,
    onReply: (source: Buffer, message: Buffer, receivedNs: bigint) => void,
  ): number;
  send(id: number, address: Buffer, packet: Buffer): number;
  close(id: number): void;
}

/** A socket for ICMP echo of one address family. */
export interface EchoSocket {
  /** Sends an ICMP message; 0, or the errno. */
  send(address: Buffer, packet: Buffer): number;
  close(): void;
}

/** Told of each echo reply: where from, the ICMP message, and when by `process.hrtime.bigint()`. */
export type OnReply = (source: Buffer, message: Buffer, receivedNs: bigint) => void;

/** A socket, or a sentence that says why there is none. */
export type OpenedEcho = { readonly socket: EchoSocket } | { readonly reason: string };

/** Opens an echo socket; never throws. It does not keep the process alive. */
export function openEchoSocket(family: 4 | 6, onReply: OnReply): OpenedEcho {
  const path = addonFile('icmp');
  if (process.platform !== 'linux' || !existsSync(path)) {
    return { reason: 'the icmp addon is not built (node native/icmp/build.ts)' };
  }
  try {
    const addon = createRequire(import.meta.url)(path) as IcmpAddon;
    const id = addon.open(family, onReply);
    return {
      socket: {
        send: (address, packet) => addon.send(id, address, packet),
        close: () => addon.close(id),
      },
    };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const remedy = 'give it CAP_NET_RAW, or its group a place in net.ipv4.ping_group_range';
    return {
      reason:
        code === 'EACCES' ? `this process may not send ICMP echo requests; ${remedy}` : message,
    };
  }
}
