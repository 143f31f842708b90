-- Bulk clean-ups that move everybody off one server, on the whole fleet of its router: to another one or to wherever the load
-- balancer chooses. They stop when the other servers get worse than these limits allow, beside how they were (JSON) when it
-- began or went on. Routes to the server that belong to nobody known are counted: they stay.
CREATE TABLE bulk_moves (
    bulk_id        TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES bulks (id),
    router         TEXT COLLATE "C" NOT NULL,
    pool           TEXT COLLATE "C" NOT NULL,
    server         TEXT COLLATE "C" NOT NULL,
    to_server      TEXT COLLATE "C",
    max_errors     BIGINT NOT NULL,
    max_response   BIGINT NOT NULL,
    unknown_routes BIGINT NOT NULL,
    baseline       TEXT
);

CREATE INDEX bulk_moves_by_server ON bulk_moves (pool, server);

-- The server that a clean-up moves its account away from, and the one to which it is pinned instead.
ALTER TABLE cleanups ADD COLUMN away_from TEXT COLLATE "C";
ALTER TABLE cleanups ADD COLUMN move_to TEXT COLLATE "C";
