import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  realpathSync,
} from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { errorText, type Problem } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { printable, quoted } from './problem-list.ts';
import type { OpenInclude } from './read-entries.ts';

/** Text as the scanner takes it: one character per octet of its UTF-8, without a byte order mark. */
export function toOctetText(text: string): string {
  const plain = text.startsWith('\ufeff') ? text.slice(1) : text;
  return /[^\0-\x7f]/.test(plain) ? Buffer.from(plain, 'utf8').toString('latin1') : plain;
}

/** Reads a regular file, one character per octet; a problem (without `where`) when that fails. */
export function readMasterFile(path: string): string | Problem {
  let bytes: Buffer;
  try {
    // Without waiting: opening a FIFO would hang, and reading a device never ends.
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const status = fstatSync(file);
      if (!status.isFile()) return unreadable('it is not a regular file; name one');
      if (status.size > limits.masterFileBytes) {
        const message = `the file has ${status.size} octets, over ${limits.masterFileBytes}; split it`;
        return { code: 'E_ZONE_TOO_LARGE', message };
      }
      bytes = status.size < smallBytes ? readSmall(file) : readFileSync(file);
    } finally {
      closeSync(file);
    }
    if (isUtf16(bytes)) {
      return { code: 'E_ZONE_ENCODING', message: 'the file is UTF-16; save it as UTF-8' };
    }
    const from = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
    return bytes.toString('latin1', from);
  } catch (error) {
    return unreadable(`${printable(errorText(error))}; mend its path or permissions`);
  }
}

/** Smaller files are read into memory that is used again: most folders hold many of them. */
const smallBytes = 64 * 1024;
const smallScratch = Buffer.allocUnsafe(smallBytes);

/** Reads a small file; what is given is good until the next is read. */
function readSmall(file: number): Buffer {
  for (let at = 0; at < smallBytes; ) {
    const read = readSync(file, smallScratch, at, smallBytes - at, null);
    if (read === 0) return smallScratch.subarray(0, at);
    at += read;
  }
  // It has grown since it was looked at.
  return Buffer.concat([smallScratch, readFileSync(file)]);
}

/**
 * Gives included files of `folder` and below. Symbolic links are followed first, so that none leads
 * out: zone text may come from people who may not read the rest of the machine.
 */
export function openIncludesIn(folder: string): OpenInclude {
  return (path) => {
    const outside: Problem = {
      code: 'E_ZONE_INCLUDE',
      message: `${quoted(path)} is outside the zone's folder; move the file into it`,
    };
    let real: string;
    try {
      const root = realpathSync(folder);
      // Looked at before the disk is, so that answers do not tell which files exist elsewhere.
      const written = resolve(root, path);
      if (!isWithin(root, written) && !isWithin(resolve(folder), written)) return outside;
      real = realpathSync(written);
      if (!isWithin(root, real)) return outside;
    } catch (error) {
      const message = `${quoted(path)}: ${printable(errorText(error))}; mend its path`;
      return { code: 'E_ZONE_INCLUDE', message };
    }
    const text = readMasterFile(real);
    if (typeof text === 'string') return text;
    return { ...text, message: `${quoted(path)}: ${text.message}` };
  };
}

function isWithin(folder: string, path: string): boolean {
  const inside = relative(folder, path);
  return inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
}

function unreadable(reason: string): Problem {
  return { code: 'E_ZONE_FILE', message: `the file cannot be read: ${reason}` };
}

function isUtf16(bytes: Buffer): boolean {
  return (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
}
