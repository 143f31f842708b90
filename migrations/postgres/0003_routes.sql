-- What was last read from routers.
CREATE TABLE routes (
    router     TEXT COLLATE "C" NOT NULL,
    pool       TEXT COLLATE "C" NOT NULL,
    route_key  TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    server     TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    account_id TEXT COLLATE "C",
    pinned_at  BIGINT,
    expires_in BIGINT,
    read_at    BIGINT NOT NULL,
    PRIMARY KEY (router, pool, route_key)
);

CREATE INDEX routes_by_account ON routes (account_id) WHERE account_id IS NOT NULL;

-- Who is on a server, a page at a time.
CREATE INDEX routes_by_server ON routes (router, pool, server, account_id) WHERE account_id IS NOT NULL;

-- How many routes lead to a server: kept, because counting them reads the whole table.
CREATE TABLE route_counts (
    router TEXT COLLATE "C" NOT NULL,
    pool   TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    pinned BIGINT NOT NULL,
    PRIMARY KEY (router, pool, server)
);

CREATE TABLE route_changes (
    account_id  TEXT COLLATE "C" NOT NULL,
    at          BIGINT NOT NULL,
    router      TEXT COLLATE "C" NOT NULL,
    pool        TEXT COLLATE "C" NOT NULL,
    route_key   TEXT COLLATE "C" NOT NULL,
    scope       TEXT COLLATE "C" NOT NULL,
    session_id  TEXT COLLATE "C",
    from_server TEXT COLLATE "C",
    to_server   TEXT COLLATE "C",
    why         TEXT NOT NULL,
    PRIMARY KEY (account_id, at, router, pool, route_key)
);

CREATE INDEX route_changes_by_time ON route_changes (at);

CREATE TABLE servers (
    router           TEXT COLLATE "C" NOT NULL,
    pool             TEXT COLLATE "C" NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    health           TEXT COLLATE "C" NOT NULL,
    failing          BIGINT NOT NULL,
    error_permille   BIGINT,
    response_ms      BIGINT,
    since            BIGINT NOT NULL,
    read_at          BIGINT NOT NULL,
    pinned           BIGINT,
    window_requests  DOUBLE PRECISION NOT NULL,
    window_errors    DOUBLE PRECISION NOT NULL,
    seen_requests    BIGINT NOT NULL,
    seen_errors      BIGINT NOT NULL,
    seen_response_ms BIGINT NOT NULL,
    seen_at          BIGINT,
    PRIMARY KEY (router, pool, name)
);
