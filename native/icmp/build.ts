/** Compiles icmp: `node native/icmp/build.ts [--optional] [--strict]`; see build-addon.ts. */
import { buildAddon } from '../build-addon.ts';

buildAddon({ name: 'icmp', fallback: 'icmp monitors will be checked over tcp' });
