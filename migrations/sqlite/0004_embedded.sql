-- The embedded router's own table.
CREATE TABLE embedded_pins (
    pool       TEXT    NOT NULL,
    route_key  TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    server     TEXT    NOT NULL,
    account_id TEXT,
    session_id TEXT,
    pinned_at  INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (pool, route_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX embedded_pins_by_expiry ON embedded_pins (pool, expires_at, server);

-- How many pins lead to a server, kept in slots so that not every new pin waits for the same row.
CREATE TABLE embedded_counts (
    pool   TEXT    NOT NULL,
    server TEXT    NOT NULL,
    slot   INTEGER NOT NULL,
    pins   INTEGER NOT NULL,
    PRIMARY KEY (pool, server, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE embedded_servers (
    pool        TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    requests    INTEGER NOT NULL,
    errors      INTEGER NOT NULL,
    response_ms INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (pool, name)
) STRICT, WITHOUT ROWID;

-- Keys that get no new pin while they are cleaned.
CREATE TABLE embedded_fences (
    route_key TEXT    NOT NULL PRIMARY KEY,
    until     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX embedded_fences_by_time ON embedded_fences (until);

-- A new pin shares its key's slot, a fence takes it: so a pin that had begun is there before its fence is.
CREATE TABLE embedded_slots (
    slot INTEGER NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO embedded_slots (slot)
VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13), (14), (15);
