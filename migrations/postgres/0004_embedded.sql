-- The embedded router's own table.
CREATE TABLE embedded_pins (
    pool       TEXT COLLATE "C" NOT NULL,
    route_key  TEXT COLLATE "C" NOT NULL,
    scope      TEXT COLLATE "C" NOT NULL,
    server     TEXT COLLATE "C" NOT NULL,
    account_id TEXT COLLATE "C",
    session_id TEXT COLLATE "C",
    pinned_at  BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (pool, route_key)
);

CREATE INDEX embedded_pins_by_expiry ON embedded_pins (pool, expires_at, server);

-- How many pins lead to a server, kept in slots so that not every new pin waits for the same row.
CREATE TABLE embedded_counts (
    pool   TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    slot   BIGINT NOT NULL,
    pins   BIGINT NOT NULL,
    PRIMARY KEY (pool, server, slot)
);

CREATE TABLE embedded_servers (
    pool        TEXT COLLATE "C" NOT NULL,
    name        TEXT COLLATE "C" NOT NULL,
    state       TEXT COLLATE "C" NOT NULL,
    requests    BIGINT NOT NULL,
    errors      BIGINT NOT NULL,
    response_ms BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (pool, name)
);

-- Keys that get no new pin while they are cleaned.
CREATE TABLE embedded_fences (
    route_key TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    until     BIGINT NOT NULL
);

CREATE INDEX embedded_fences_by_time ON embedded_fences (until);

-- A new pin shares its key's slot, a fence takes it: so a pin that had begun is there before its fence is.
CREATE TABLE embedded_slots (
    slot BIGINT NOT NULL PRIMARY KEY
);

INSERT INTO embedded_slots (slot)
VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15);
