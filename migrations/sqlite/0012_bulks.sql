-- Bulk clean-ups: a frozen, hashed list of accounts, and what became of each. Accounts are counted by where they are
-- (`waiting` to `failed`), for every look at a bulk clean-up asks for it.
CREATE TABLE bulks (
    id                TEXT    NOT NULL PRIMARY KEY,
    selection         TEXT    NOT NULL,
    mode              TEXT    NOT NULL,
    reason            TEXT    NOT NULL,
    ticket            TEXT    NOT NULL,
    wave              INTEGER NOT NULL,
    rate              INTEGER NOT NULL,
    failure_limit     INTEGER NOT NULL,
    actor             TEXT    NOT NULL,
    staff_id          TEXT,
    hash              TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    created_at        INTEGER NOT NULL,
    requested_at      INTEGER,
    approve_until     INTEGER,
    approved_by       TEXT,
    started_at        INTEGER,
    finished_at       INTEGER,
    stopped_why       TEXT    NOT NULL,
    live_sessions     INTEGER NOT NULL,
    leftover_sessions INTEGER NOT NULL,
    waiting           INTEGER NOT NULL,
    running           INTEGER NOT NULL,
    owed              INTEGER NOT NULL,
    done              INTEGER NOT NULL,
    nothing_to_do     INTEGER NOT NULL,
    under_way         INTEGER NOT NULL,
    needs_attention   INTEGER NOT NULL,
    failed            INTEGER NOT NULL,
    paced_at          INTEGER NOT NULL,
    lease_token       INTEGER NOT NULL,
    lease_until       INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX bulks_by_time ON bulks (created_at, id);
-- Those at which a worker looks.
CREATE INDEX bulks_live ON bulks (id) WHERE status = 'awaiting_approval' OR running > 0 OR owed > 0 OR status = 'running';

CREATE TABLE bulk_accounts (
    bulk_id    TEXT    NOT NULL REFERENCES bulks (id),
    no         INTEGER NOT NULL,
    account_id TEXT    NOT NULL,
    outcome    TEXT    NOT NULL,
    cleanup_id TEXT,
    note       TEXT    NOT NULL,
    PRIMARY KEY (bulk_id, no)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX bulk_accounts_by_account ON bulk_accounts (bulk_id, account_id);
CREATE INDEX bulk_accounts_by_outcome ON bulk_accounts (bulk_id, outcome, no);

-- A single clean-up never waits behind those of a bulk one: 1 stands behind 0.
ALTER TABLE cleanups ADD COLUMN rank INTEGER NOT NULL DEFAULT 0;
DROP INDEX cleanups_due;
CREATE INDEX cleanups_due ON cleanups (rank, next_at, id) WHERE finished_at IS NULL AND status <> 'needs_attention';
