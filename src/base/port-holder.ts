import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const maxNameCharacters = 80;

/**
 * Names the process that holds a local port, as `nsd (pid 123)`, by what Linux shows under /proc;
 * undefined where that is not to be seen (another system, or another user's process).
 */
export function findPortHolder(port: number, protocol: 'udp' | 'tcp'): string | undefined {
  const inodes = new Set([
    ...socketInodes(`/proc/net/${protocol}`, port, protocol),
    ...socketInodes(`/proc/net/${protocol}6`, port, protocol),
  ]);
  if (inodes.size === 0) return undefined;
  for (const pid of list('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of list(`/proc/${pid}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(readLink(`/proc/${pid}/fd/${descriptor}`))?.[1];
      if (inode !== undefined && inodes.has(inode)) return `${processName(pid)} (pid ${pid})`;
    }
  }
  return undefined;
}

/** Inodes of the sockets bound to a port; of TCP only those that listen (state 0A). */
function socketInodes(table: string, port: number, protocol: 'udp' | 'tcp'): string[] {
  const hexPort = port.toString(16).toUpperCase().padStart(4, '0');
  const inodes: string[] = [];
  for (const line of read(table).split('\n').slice(1)) {
    const [, local = '', , state = '', , , , , , inode] = line.trim().split(/\s+/);
    const listens = protocol === 'udp' || state === '0A';
    if (listens && local.endsWith(`:${hexPort}`) && inode !== undefined) inodes.push(inode);
  }
  return inodes;
}

/** Program and first argument of a process, with nothing in it that a terminal would act on. */
function processName(pid: string): string {
  const [program = '', argument = ''] = read(`/proc/${pid}/cmdline`).split('\0');
  const text = `${basename(program)} ${argument}`.trim() || read(`/proc/${pid}/comm`).trim();
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, maxNameCharacters) || 'a process';
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
