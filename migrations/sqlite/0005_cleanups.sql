CREATE TABLE cleanups (
    id             TEXT    NOT NULL PRIMARY KEY,
    account_id     TEXT    NOT NULL REFERENCES accounts (id),
    mode           TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    ticket         TEXT    NOT NULL,
    actor          TEXT    NOT NULL,
    plan_hash      TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    requested_at   INTEGER NOT NULL,
    finished_at    INTEGER,
    next_at        INTEGER NOT NULL,
    lease_holder   TEXT,
    lease_token    INTEGER NOT NULL,
    lease_until    INTEGER,
    steps_total    INTEGER NOT NULL,
    steps_verified INTEGER NOT NULL,
    steps_owed     INTEGER NOT NULL,
    steps_failed   INTEGER NOT NULL,
    CHECK ((lease_holder IS NULL) = (lease_until IS NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX cleanups_live ON cleanups (account_id) WHERE finished_at IS NULL;
CREATE INDEX cleanups_due ON cleanups (next_at, id) WHERE finished_at IS NULL AND status <> 'needs_attention';
CREATE INDEX cleanups_unfinished ON cleanups (requested_at, id) WHERE finished_at IS NULL;
CREATE INDEX cleanups_by_time ON cleanups (requested_at, id);
CREATE INDEX cleanups_by_status ON cleanups (status, requested_at, id);
CREATE INDEX cleanups_by_account ON cleanups (account_id, requested_at, id);

CREATE TABLE cleanup_steps (
    cleanup_id       TEXT    NOT NULL REFERENCES cleanups (id),
    no               INTEGER NOT NULL,
    kind             TEXT    NOT NULL,
    router           TEXT,
    pool             TEXT,
    scope            TEXT,
    route_key        TEXT,
    session_id       TEXT,
    must_vanish      INTEGER NOT NULL,
    stage            TEXT    NOT NULL,
    attempts         INTEGER NOT NULL,
    next_at          INTEGER NOT NULL,
    trouble          TEXT,
    trouble_text     TEXT,
    had              TEXT,
    now_on           TEXT,
    cleared_at       INTEGER,
    cleared_again_at INTEGER,
    verified_at      INTEGER,
    PRIMARY KEY (cleanup_id, no)
) STRICT, WITHOUT ROWID;

CREATE INDEX cleanup_steps_owed ON cleanup_steps (router, cleanup_id, no)
WHERE trouble = 'unreachable' AND stage <> 'verified';
