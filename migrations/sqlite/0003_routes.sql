-- What was last read from routers.
CREATE TABLE routes (
    router     TEXT    NOT NULL,
    pool       TEXT    NOT NULL,
    route_key  TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    server     TEXT,
    session_id TEXT,
    account_id TEXT,
    pinned_at  INTEGER,
    expires_in INTEGER,
    read_at    INTEGER NOT NULL,
    PRIMARY KEY (router, pool, route_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX routes_by_account ON routes (account_id) WHERE account_id IS NOT NULL;

-- Who is on a server, a page at a time.
CREATE INDEX routes_by_server ON routes (router, pool, server, account_id) WHERE account_id IS NOT NULL;

-- How many routes lead to a server: kept, because counting them reads the whole table.
CREATE TABLE route_counts (
    router TEXT    NOT NULL,
    pool   TEXT    NOT NULL,
    server TEXT    NOT NULL,
    pinned INTEGER NOT NULL,
    PRIMARY KEY (router, pool, server)
) STRICT, WITHOUT ROWID;

CREATE TABLE route_changes (
    account_id  TEXT    NOT NULL,
    at          INTEGER NOT NULL,
    router      TEXT    NOT NULL,
    pool        TEXT    NOT NULL,
    route_key   TEXT    NOT NULL,
    scope       TEXT    NOT NULL,
    session_id  TEXT,
    from_server TEXT,
    to_server   TEXT,
    why         TEXT    NOT NULL,
    PRIMARY KEY (account_id, at, router, pool, route_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX route_changes_by_time ON route_changes (at);

CREATE TABLE servers (
    router           TEXT    NOT NULL,
    pool             TEXT    NOT NULL,
    name             TEXT    NOT NULL,
    health           TEXT    NOT NULL,
    failing          INTEGER NOT NULL,
    error_permille   INTEGER,
    response_ms      INTEGER,
    since            INTEGER NOT NULL,
    read_at          INTEGER NOT NULL,
    pinned           INTEGER,
    window_requests  REAL    NOT NULL,
    window_errors    REAL    NOT NULL,
    seen_requests    INTEGER NOT NULL,
    seen_errors      INTEGER NOT NULL,
    seen_response_ms INTEGER NOT NULL,
    seen_at          INTEGER,
    PRIMARY KEY (router, pool, name)
) STRICT, WITHOUT ROWID;
