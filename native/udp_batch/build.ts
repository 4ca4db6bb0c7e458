/** Compiles udp_batch: `node native/udp_batch/build.ts [--optional] [--strict]`; see build-addon.ts. */
import { buildAddon } from '../build-addon.ts';

buildAddon({
  name: 'udp_batch',
  fallback: 'the server will use node:dgram, which takes more than twice the CPU per query',
});
