-- How far each import came, so that it goes on where it stopped.
CREATE TABLE imports (
    source     TEXT    NOT NULL PRIMARY KEY,
    line       INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
