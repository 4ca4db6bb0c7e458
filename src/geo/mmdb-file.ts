import type { Stats } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { Reader } from 'mmdb-lib';
import { type ErrorCode, errorText, MeridianError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** A database in memory, with its metadata checked but its tree not yet walked. */
export interface MmdbFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Modification time, size and inode just before the file was read; see {@link signatureOf}. */
  readonly signature: string;
  readonly metadata: MmdbMetadata;
  /** mmdb-lib's own reader on the same bytes. */
  readonly reader: Reader<MmdbRecord>;
}

/** What a database says of itself. */
export type MmdbMetadata = Reader<MmdbRecord>['metadata'];

/** A decoded record of unknown layout. */
export type MmdbRecord = Record<string, unknown>;

/** Zero bytes between the search tree and the data (MaxMind DB format 2.0, "Data Section"). */
export const separatorBytes = 16;
const metadataMarker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

/**
 * Reads a file in the MMDB format (MaxMind DB file format 2.0).
 *
 * @throws MeridianError E_GEO_FILE, E_GEO_TOO_LARGE, E_GEO_NOT_MMDB or E_GEO_DAMAGED.
 */
export async function readMmdbFile(path: string): Promise<MmdbFile> {
  const { bytes, signature } = await readBytes(path);
  return parseMmdb(bytes, path, signature);
}

/** Checks that bytes are an MMDB; `path` is for messages. Throws as {@link readMmdbFile}. */
export function parseMmdb(bytes: Buffer, path: string, signature = ''): MmdbFile {
  const markerAt = bytes.lastIndexOf(metadataMarker);
  if (markerAt < 0) throw notMmdb(bytes, path);
  let reader: Reader<MmdbRecord>;
  try {
    reader = new Reader<MmdbRecord>(bytes as never);
  } catch (cause) {
    throw damaged(path, `its metadata cannot be read (${errorText(cause)})`, cause);
  }
  const { metadata } = reader;
  const { nodeCount, recordSize, ipVersion, searchTreeSize } = metadata;
  const plausible =
    Number.isSafeInteger(nodeCount) &&
    nodeCount > 0 &&
    [24, 28, 32].includes(recordSize) &&
    (ipVersion === 4 || ipVersion === 6) &&
    typeof metadata.databaseType === 'string' &&
    metadata.binaryFormatMajorVersion === 2;
  if (!plausible) {
    throw damaged(
      path,
      `its metadata make no sense (format ${metadata.binaryFormatMajorVersion}, ` +
        `${nodeCount} nodes of ${recordSize} bits, IP version ${ipVersion})`,
    );
  }
  const separator = bytes.subarray(searchTreeSize, searchTreeSize + separatorBytes);
  if (searchTreeSize + separatorBytes > markerAt || separator.some((byte) => byte !== 0)) {
    throw damaged(path, `its search tree does not have the ${nodeCount} nodes that it names`);
  }
  return { path, bytes, signature, metadata, reader };
}

/** A text that changes when a file does: modification time, size, inode. */
export function signatureOf(stats: Pick<Stats, 'mtimeMs' | 'size' | 'ino'>): string {
  return `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

/** An error about a database file, with what to do about it. */
export function geoFileError(
  code: ErrorCode,
  path: string,
  message: string,
  cause?: unknown,
): MeridianError {
  return new MeridianError({ code, message, where: path }, cause === undefined ? {} : { cause });
}

/** The error for a file that is an MMDB, but not whole. */
export function damaged(path: string, what: string, cause?: unknown): MeridianError {
  const message = `the database is truncated or damaged: ${what}; fetch it again`;
  return geoFileError('E_GEO_DAMAGED', path, message, cause);
}

async function readBytes(path: string): Promise<{ bytes: Buffer; signature: string }> {
  try {
    const stats = await stat(path);
    const { size } = stats;
    if (size > limits.geoFileBytes) {
      const message = `the file has ${size} bytes; a geo database has at most ${limits.geoFileBytes}`;
      throw geoFileError('E_GEO_TOO_LARGE', path, message);
    }
    return { bytes: await readFile(path), signature: signatureOf(stats) };
  } catch (cause) {
    if (cause instanceof MeridianError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const message =
      code === 'ENOENT'
        ? 'there is no such file; correct the path given with --geo'
        : code === 'EISDIR'
          ? 'this is a folder; name the .mmdb file in it'
          : `the file cannot be read (${errorText(cause)}); make it readable to this process`;
    throw geoFileError('E_GEO_FILE', path, message, cause);
  }
}

/** Says what a file is instead of an MMDB, as far as its first bytes tell. */
function notMmdb(bytes: Buffer, path: string): MeridianError {
  const head = bytes.subarray(0, 512);
  const begins = (hex: string) => head.toString('hex').startsWith(hex);
  let message: string;
  if (bytes.length === 0) {
    message = 'the file is empty; fetch the database again';
  } else if (begins('1f8b')) {
    message = 'the file is packed with gzip; unpack it (gunzip, or tar xzf for .tar.gz)';
  } else if (begins('504b0304')) {
    message = 'the file is a zip archive; unpack it and name the .mmdb file';
  } else if (/^\s*</.test(head.toString('latin1'))) {
    message =
      'the file is an HTML or XML page, perhaps a failed download; fetch the database again';
  } else if (head.every((byte) => byte >= 9 && byte < 127)) {
    message = 'the file is text; Meridian reads MMDB files, so fetch the .mmdb instead of the CSV';
  } else {
    message =
      'the file is no MMDB, or its end is missing (metadata stand there); fetch an .mmdb again';
  }
  return geoFileError('E_GEO_NOT_MMDB', path, message);
}
