/** Marks a database file as Meridian's (`PRAGMA application_id`): "MRDN". */
export const applicationId = 0x4d52444e;

/**
 * The tables, as steps that were taken in order; `PRAGMA user_version` counts those taken. A step
 * that was released is never edited: a change of mind is a new step.
 *
 *   revisions 1 ──< change_blocks  every change there ever was, hash-chained (chain.ts)
 *             1 ──< changes        the same, of revisions that an older version made
 *   objects                        what they add up to: the configuration of now
 *   object_blocks, gone_objects    objects that are read from the blocks (sqlite-objects.ts)
 *   tokens                         those that are this process's own; the others are objects
 *   answers, health                not part of the configuration; never rolled back
 *   replica                        where the store stands in a cluster, and what its first revision
 *                                  continues
 *   undo                           objects as they were before the newest revision, where that has a
 *                                  term and can be taken back
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE revisions (
    number  INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,
    summary TEXT NOT NULL,
    hash    TEXT NOT NULL
  ) STRICT;

  CREATE TABLE changes (
    revision INTEGER NOT NULL REFERENCES revisions (number),
    position INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    before   TEXT,
    after    TEXT,
    PRIMARY KEY (revision, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE objects (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    body     TEXT NOT NULL,
    revision INTEGER NOT NULL REFERENCES revisions (number),
    PRIMARY KEY (kind, id)
  ) STRICT;

  CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    hash       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    expires_at TEXT,
    created_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE answers (
    key      TEXT PRIMARY KEY,
    response TEXT NOT NULL,
    epoch_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX answers_by_age ON answers (epoch_ms);

  CREATE TABLE health (
    one_row  INTEGER PRIMARY KEY CHECK (one_row = 1),
    snapshot TEXT NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE change_blocks (
    revision INTEGER NOT NULL REFERENCES revisions (number),
    position INTEGER NOT NULL,
    lines    TEXT NOT NULL,
    PRIMARY KEY (revision, position)
  ) STRICT;
  `,
  `
  CREATE TABLE objects_moved (
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    body     TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
  ) STRICT;
  INSERT INTO objects_moved (rowid, kind, id, body, revision)
    SELECT rowid, kind, id, body, revision FROM objects ORDER BY rowid;
  DROP TABLE objects;
  ALTER TABLE objects_moved RENAME TO objects;

  ALTER TABLE revisions ADD COLUMN term INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE answers ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX answers_by_revision ON answers (revision);

  CREATE TABLE replica (
    one_row     INTEGER PRIMARY KEY CHECK (one_row = 1),
    term        INTEGER NOT NULL,
    known_term  INTEGER NOT NULL,
    base_number INTEGER NOT NULL,
    base_hash   TEXT NOT NULL,
    undoable    INTEGER NOT NULL
  ) STRICT;
  INSERT INTO replica VALUES (1, 0, 0, 0, '${'0'.repeat(64)}', 0);

  CREATE TABLE undo (
    row      INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,
    id       TEXT NOT NULL,
    body     TEXT NOT NULL,
    revision INTEGER NOT NULL
  ) STRICT;
  `,
  `
  CREATE TABLE object_blocks (
    first_row INTEGER PRIMARY KEY,
    objects   INTEGER NOT NULL,
    revision  INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    hashes    BLOB NOT NULL
  ) STRICT;

  CREATE TABLE gone_objects (
    row      INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL
  ) STRICT;
  `,
];
