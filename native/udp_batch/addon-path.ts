import { addonFile } from '../addon-file.ts';

/** Where the compiled addon lies. */
export const addonPath: string = addonFile('udp_batch');
