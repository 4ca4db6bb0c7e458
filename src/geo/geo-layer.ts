import type { ClientPlace } from './client.ts';
import type { GeoKind, RecordLayout } from './mmdb-record.ts';
import type { Ranges } from './ranges.ts';

/**
 * One source of knowledge about addresses, spread out over the whole address space. Layers lie on
 * one another; what an upper one says of an address counts before what a lower one says.
 */
export interface GeoLayer {
  readonly kind: 'override' | GeoKind;
  /** What explain calls it: a file's path, or `operator networks`. */
  readonly source: string;
  /** Values are indexes into `places`. */
  readonly ranges4: Ranges;
  readonly ranges6: Ranges;
  /** Index 0 is `{}`: nothing known. */
  readonly places: readonly ClientPlace[];
  /** True where coordinates are places of their own, which no grid may move. */
  readonly exact: boolean;
}

/** A layer that was read from a database file. */
export interface FileLayer extends GeoLayer {
  readonly kind: GeoKind;
  readonly layout: RecordLayout;
  /** Changes when the file does; see mmdb-file.ts. */
  readonly signature: string;
  /** As the file's metadata say. */
  readonly databaseType: string;
  /** When the database was built, in milliseconds since 1970. */
  readonly builtEpochMs: number;
  /** Networks with data, by family. */
  readonly networks4: number;
  readonly networks6: number;
}
