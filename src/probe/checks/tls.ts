import { type Check, portOf, settleCheck } from '../check-result.ts';
import { connectTcp } from '../connect.ts';
import { defaultTls, secure } from '../secure.ts';

/** Up when a TLS handshake succeeds and the certificate is good; degraded when it runs out soon. */
export const checkTls: Check = (target, context) =>
  settleCheck(async (timings) => {
    const { monitor, address } = target;
    const tls = monitor.tls ?? defaultTls;
    const socket = await connectTcp(address, portOf(target), context, timings);
    const secured = await secure(socket, tls.serverName, tls, [], context, timings);
    // Ends in order, so that no server logs a broken handshake every few seconds.
    secured.socket.end(() => secured.socket.destroy());
    return secured.finding;
  });
