-- Bulk clean-ups: a frozen, hashed list of accounts, and what became of each. Accounts are counted by where they are
-- (`waiting` to `failed`), for every look at a bulk clean-up asks for it.
CREATE TABLE bulks (
    id                TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    selection         TEXT    NOT NULL,
    mode              TEXT COLLATE "C" NOT NULL,
    reason            TEXT    NOT NULL,
    ticket            TEXT    NOT NULL,
    wave              BIGINT NOT NULL,
    rate              BIGINT NOT NULL,
    failure_limit     BIGINT NOT NULL,
    actor             TEXT COLLATE "C" NOT NULL,
    staff_id          TEXT COLLATE "C",
    hash              TEXT COLLATE "C" NOT NULL,
    status            TEXT COLLATE "C" NOT NULL,
    created_at        BIGINT NOT NULL,
    requested_at      BIGINT ,
    approve_until     BIGINT ,
    approved_by       TEXT COLLATE "C",
    started_at        BIGINT ,
    finished_at       BIGINT ,
    stopped_why       TEXT    NOT NULL,
    live_sessions     BIGINT NOT NULL,
    leftover_sessions BIGINT NOT NULL,
    waiting           BIGINT NOT NULL,
    running           BIGINT NOT NULL,
    owed              BIGINT NOT NULL,
    done              BIGINT NOT NULL,
    nothing_to_do     BIGINT NOT NULL,
    under_way         BIGINT NOT NULL,
    needs_attention   BIGINT NOT NULL,
    failed            BIGINT NOT NULL,
    paced_at          BIGINT NOT NULL,
    lease_token       BIGINT NOT NULL,
    lease_until       BIGINT 
);

CREATE INDEX bulks_by_time ON bulks (created_at, id);
-- Those at which a worker looks.
CREATE INDEX bulks_live ON bulks (id) WHERE status = 'awaiting_approval' OR running > 0 OR owed > 0 OR status = 'running';

CREATE TABLE bulk_accounts (
    bulk_id    TEXT COLLATE "C" NOT NULL REFERENCES bulks (id),
    no         BIGINT NOT NULL,
    account_id TEXT COLLATE "C" NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    cleanup_id TEXT COLLATE "C",
    note       TEXT    NOT NULL,
    PRIMARY KEY (bulk_id, no)
);

CREATE UNIQUE INDEX bulk_accounts_by_account ON bulk_accounts (bulk_id, account_id);
CREATE INDEX bulk_accounts_by_outcome ON bulk_accounts (bulk_id, outcome, no);

-- A single clean-up never waits behind those of a bulk one: 1 stands behind 0.
ALTER TABLE cleanups ADD COLUMN rank BIGINT NOT NULL DEFAULT 0;
DROP INDEX cleanups_due;
CREATE INDEX cleanups_due ON cleanups (rank, next_at, id) WHERE finished_at IS NULL AND status <> 'needs_attention';
