import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { errorText, MeridianError } from '../base/errors.ts';
import { generateClusterKeys } from '../cluster/keys.ts';
import type { Terminal } from './program.ts';

const examples = `
Examples:
  $ meridian cluster-key /etc/meridian

Makes DIR/cluster.key (mode 0600), which controllers sign with, and DIR/cluster.pub, by which every
process knows what its cluster has signed. Keep the first on controllers only. Files that are there are
never replaced: a new key is a new cluster to everybody who has the old one.`;

/** Adds `meridian cluster-key`. */
export function registerClusterKey(program: Command, terminal: Terminal): void {
  program
    .command('cluster-key')
    .description('Make the pair of keys that a cluster signs with')
    .argument('<dir>', 'folder to write to; made where it does not exist')
    .addHelpText('after', examples)
    .action((folder: string) => makeKeys(folder, terminal));
}

function makeKeys(folder: string, terminal: Terminal): void {
  const [privateFile, publicFile] = [join(folder, 'cluster.key'), join(folder, 'cluster.pub')];
  const there = [privateFile, publicFile].find((file) => existsSync(file));
  if (there !== undefined) {
    const message = `${there} is there already; name another folder, or move it away`;
    throw new MeridianError({ code: 'E_CLUSTER_KEY', message, where: there });
  }
  const { privatePem, publicPem } = generateClusterKeys();
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(privateFile, privatePem, { mode: 0o600, flag: 'wx' });
    writeFileSync(publicFile, publicPem, { mode: 0o644, flag: 'wx' });
  } catch (error) {
    const message = `the keys cannot be written: ${errorText(error)}; choose another folder`;
    throw new MeridianError({ code: 'E_CLUSTER_KEY', message, where: folder });
  }
  terminal.out(`${privateFile}  for controllers (--role all, --role controller)\n`);
  terminal.out(`${publicFile}  for nodes (--role node)\n`);
}
