/** Writes zones/traffic.schema.json anew, after a change of control/schemas.ts. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatTrafficSchema } from '../../src/control/schemas.ts';

writeFileSync(join(import.meta.dirname, '../../zones/traffic.schema.json'), formatTrafficSchema());
