import { type Check, portOf, settleCheck } from '../check-result.ts';
import { connectTcp } from '../connect.ts';

/** Up when a TCP connection is accepted; it is closed again without a byte sent. */
export const checkTcp: Check = (target, context) =>
  settleCheck(async (timings) => {
    const socket = await connectTcp(target.address, portOf(target), context, timings);
    socket.destroy();
    return { outcome: 'up' };
  });
