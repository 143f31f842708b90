-- Bulk clean-ups that move everybody off one server, on the whole fleet of its router: to another one or to wherever the load
-- balancer chooses. They stop when the other servers get worse than these limits allow, beside how they were (JSON) when it
-- began or went on. Routes to the server that belong to nobody known are counted: they stay.
CREATE TABLE bulk_moves (
    bulk_id        TEXT    NOT NULL PRIMARY KEY REFERENCES bulks (id),
    router         TEXT    NOT NULL,
    pool           TEXT    NOT NULL,
    server         TEXT    NOT NULL,
    to_server      TEXT,
    max_errors     INTEGER NOT NULL,
    max_response   INTEGER NOT NULL,
    unknown_routes INTEGER NOT NULL,
    baseline       TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX bulk_moves_by_server ON bulk_moves (pool, server);

-- The server that a clean-up moves its account away from, and the one to which it is pinned instead.
ALTER TABLE cleanups ADD COLUMN away_from TEXT;
ALTER TABLE cleanups ADD COLUMN move_to TEXT;
