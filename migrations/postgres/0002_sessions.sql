-- fillfactor: ending and cleaning a session updates its row; with room on its page that costs half
-- (facts/performance.md: 63,000 against 132,000 rows a second).
CREATE TABLE sessions (
    account_id   TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    created_at   BIGINT NOT NULL,
    id           TEXT COLLATE "C" NOT NULL,
    route_key    TEXT COLLATE "C",             -- only where it is not the id itself
    client       TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    ip           TEXT COLLATE "C" NOT NULL,
    ip_key       TEXT COLLATE "C" NOT NULL, -- the address in hexadecimal digits of one length: a network is a range
    last_seen_at BIGINT NOT NULL,
    ended_at     BIGINT,
    end_reason   TEXT COLLATE "C",
    cleaned_at   BIGINT,
    generation   BIGINT NOT NULL,
    PRIMARY KEY (account_id, created_at, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (cleaned_at IS NULL OR ended_at IS NOT NULL)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX sessions_by_id ON sessions (id);
CREATE UNIQUE INDEX sessions_by_route_key ON sessions (route_key) WHERE route_key IS NOT NULL;
CREATE INDEX sessions_by_ip ON sessions (ip_key, account_id) WHERE ip_key <> '';
CREATE INDEX sessions_open ON sessions (account_id, created_at, id) WHERE cleaned_at IS NULL;
CREATE INDEX sessions_cleaned ON sessions (cleaned_at) WHERE cleaned_at IS NOT NULL;
