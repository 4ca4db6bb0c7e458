/** Marks a database file as Meridian's (`PRAGMA application_id`): "MRDN". */
export const applicationId = 0x4d52444e;

/**
 * The tables, as steps that were taken in order; `PRAGMA user_version` counts those taken. A step
 * that was released is never edited: a change of mind is a new step.
 *
 *   revisions 1 ──< change_blocks  every change there ever was, hash-chained (chain.ts)
 *             1 ──< changes        the same, of revisions that an older version made
 *   objects                        what they add up to: the configuration of now
 *   tokens, answers, health        not part of the configuration; never rolled back
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
];
