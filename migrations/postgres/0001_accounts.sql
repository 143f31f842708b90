-- COLLATE "C" on keys: compared by bytes, as SQLite does, whatever the locale of the cluster.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE accounts (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    route_key         TEXT COLLATE "C",             -- only where it is not the id itself
    email             TEXT NOT NULL,
    name              TEXT NOT NULL,
    plan              TEXT NOT NULL,
    time_zone         TEXT NOT NULL,
    email_key         TEXT COLLATE "C" NOT NULL, -- without case and accents, as Unstick folds it: the database's lower() differs by locale
    name_key          TEXT COLLATE "C" NOT NULL,
    search_text       TEXT COLLATE "C" NOT NULL, -- id, e-mail and name, folded, one a line
    created_at        BIGINT NOT NULL,
    last_seen_at      BIGINT,
    generation        BIGINT NOT NULL,
    live_sessions     BIGINT NOT NULL,
    leftover_sessions BIGINT NOT NULL,
    total_sessions    BIGINT NOT NULL,
    sample            BIGINT NOT NULL
) WITH (fillfactor = 90);

CREATE UNIQUE INDEX accounts_by_route_key ON accounts (route_key) WHERE route_key IS NOT NULL;
CREATE INDEX accounts_by_email ON accounts (email_key, id) WHERE email_key <> '';
CREATE INDEX accounts_by_name ON accounts (name_key, id) WHERE name_key <> '';
CREATE INDEX accounts_by_leftover ON accounts (leftover_sessions DESC, id) WHERE leftover_sessions > 0;

-- Substring search.
CREATE INDEX accounts_by_text ON accounts USING gin (search_text gin_trgm_ops);
