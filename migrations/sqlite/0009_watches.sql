-- After a clean-up is done it is looked again and again whether what it removed came back.
CREATE TABLE watches (
    cleanup_id TEXT    NOT NULL PRIMARY KEY REFERENCES cleanups (id),
    since      INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    next_at    INTEGER,
    looked_at  INTEGER,
    looks      INTEGER NOT NULL,
    lifted     INTEGER NOT NULL,
    unread     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX watches_due ON watches (next_at, cleanup_id) WHERE next_at IS NOT NULL;

-- What came back, and how it probably came.
CREATE TABLE returns (
    cleanup_id TEXT    NOT NULL REFERENCES cleanups (id),
    at         INTEGER NOT NULL,
    step       INTEGER NOT NULL,
    router     TEXT    NOT NULL,
    pool       TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    route_key  TEXT    NOT NULL,
    server     TEXT,
    way        TEXT    NOT NULL,
    PRIMARY KEY (cleanup_id, at, step)
) STRICT, WITHOUT ROWID;
