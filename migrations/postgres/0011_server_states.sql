-- What was last asked of each load balancer about a server from the console, and what was read back there: `answer` is JSON,
-- NULL until it is known.
CREATE TABLE server_states (
    router   TEXT COLLATE "C" NOT NULL,
    pool     TEXT COLLATE "C" NOT NULL,
    server   TEXT COLLATE "C" NOT NULL,
    state    TEXT COLLATE "C" NOT NULL,
    actor    TEXT COLLATE "C" NOT NULL,
    reason   TEXT NOT NULL,
    ticket   TEXT NOT NULL,
    asked_at BIGINT NOT NULL,
    answer   TEXT,
    PRIMARY KEY (router, pool, server)
);

-- What a person set for a server of the embedded router, beside what its back end reports; NULL is ready.
ALTER TABLE embedded_servers ADD COLUMN held TEXT COLLATE "C";

-- Clean-ups that wait for a router, oldest first.
CREATE INDEX cleanups_owed ON cleanups (requested_at, id) WHERE finished_at IS NULL AND steps_owed > 0;
