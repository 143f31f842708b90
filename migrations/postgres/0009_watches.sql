-- After a clean-up is done it is looked again and again whether what it removed came back.
CREATE TABLE watches (
    cleanup_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES cleanups (id),
    since      BIGINT NOT NULL,
    until      BIGINT NOT NULL,
    next_at    BIGINT,
    looked_at  BIGINT,
    looks      BIGINT NOT NULL,
    lifted     BIGINT NOT NULL,
    unread     TEXT NOT NULL
) WITH (fillfactor = 80);

CREATE INDEX watches_due ON watches (next_at, cleanup_id) WHERE next_at IS NOT NULL;

-- What came back, and how it probably came.
CREATE TABLE returns (
    cleanup_id TEXT COLLATE "C" NOT NULL REFERENCES cleanups (id),
    at         BIGINT NOT NULL,
    step       BIGINT NOT NULL,
    router     TEXT COLLATE "C" NOT NULL,
    pool       TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    route_key  TEXT COLLATE "C" NOT NULL,
    server     TEXT COLLATE "C",
    way        TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (cleanup_id, at, step)
);
