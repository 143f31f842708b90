-- What was last asked of each load balancer about a server from the console, and what was read back there: `answer` is JSON,
-- NULL until it is known.
CREATE TABLE server_states (
    router   TEXT    NOT NULL,
    pool     TEXT    NOT NULL,
    server   TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    actor    TEXT    NOT NULL,
    reason   TEXT    NOT NULL,
    ticket   TEXT    NOT NULL,
    asked_at INTEGER NOT NULL,
    answer   TEXT,
    PRIMARY KEY (router, pool, server)
) STRICT, WITHOUT ROWID;

-- What a person set for a server of the embedded router, beside what its back end reports; NULL is ready.
ALTER TABLE embedded_servers ADD COLUMN held TEXT;

-- Clean-ups that wait for a router, oldest first.
CREATE INDEX cleanups_owed ON cleanups (requested_at, id) WHERE finished_at IS NULL AND steps_owed > 0;
