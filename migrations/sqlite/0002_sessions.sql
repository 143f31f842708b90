-- Clustered by account, newest last: an account's sessions lie side by side (facts/performance.md: a bulk clean-up is
-- three to nine times as fast as on a heap). References are checked at the commit, not row by row: a statement that no row
-- can stop needs no journal of its own.
CREATE TABLE sessions (
    account_id   TEXT    NOT NULL REFERENCES accounts (id) DEFERRABLE INITIALLY DEFERRED,
    created_at   INTEGER NOT NULL,
    id           TEXT    NOT NULL,
    route_key    TEXT,             -- only where it is not the id itself
    client       TEXT    NOT NULL,
    user_agent   TEXT    NOT NULL,
    ip           TEXT    NOT NULL,
    ip_key       TEXT    NOT NULL, -- the address in hexadecimal digits of one length: a network is a range
    last_seen_at INTEGER NOT NULL,
    ended_at     INTEGER,
    end_reason   TEXT,
    cleaned_at   INTEGER,
    generation   INTEGER NOT NULL,
    PRIMARY KEY (account_id, created_at, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (cleaned_at IS NULL OR ended_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX sessions_by_id ON sessions (id);
CREATE UNIQUE INDEX sessions_by_route_key ON sessions (route_key) WHERE route_key IS NOT NULL;
CREATE INDEX sessions_by_ip ON sessions (ip_key, account_id) WHERE ip_key <> '';
CREATE INDEX sessions_open ON sessions (account_id, created_at, id) WHERE cleaned_at IS NULL;
CREATE INDEX sessions_cleaned ON sessions (cleaned_at) WHERE cleaned_at IS NOT NULL;
