CREATE TABLE cleanups (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id     TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    mode           TEXT COLLATE "C" NOT NULL,
    reason         TEXT NOT NULL,
    ticket         TEXT NOT NULL,
    actor          TEXT COLLATE "C" NOT NULL,
    plan_hash      TEXT COLLATE "C" NOT NULL,
    status         TEXT COLLATE "C" NOT NULL,
    requested_at   BIGINT NOT NULL,
    finished_at    BIGINT,
    next_at        BIGINT NOT NULL,
    lease_holder   TEXT COLLATE "C",
    lease_token    BIGINT NOT NULL,
    lease_until    BIGINT,
    steps_total    BIGINT NOT NULL,
    steps_verified BIGINT NOT NULL,
    steps_owed     BIGINT NOT NULL,
    steps_failed   BIGINT NOT NULL,
    CHECK ((lease_holder IS NULL) = (lease_until IS NULL))
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX cleanups_live ON cleanups (account_id) WHERE finished_at IS NULL;
CREATE INDEX cleanups_due ON cleanups (next_at, id) WHERE finished_at IS NULL AND status <> 'needs_attention';
CREATE INDEX cleanups_unfinished ON cleanups (requested_at, id) WHERE finished_at IS NULL;
CREATE INDEX cleanups_by_time ON cleanups (requested_at, id);
CREATE INDEX cleanups_by_status ON cleanups (status, requested_at, id);
CREATE INDEX cleanups_by_account ON cleanups (account_id, requested_at, id);

CREATE TABLE cleanup_steps (
    cleanup_id       TEXT COLLATE "C" NOT NULL REFERENCES cleanups (id),
    no               BIGINT NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    router           TEXT COLLATE "C",
    pool             TEXT COLLATE "C",
    scope            TEXT COLLATE "C",
    route_key        TEXT COLLATE "C",
    session_id       TEXT COLLATE "C",
    must_vanish      BIGINT NOT NULL,
    stage            TEXT COLLATE "C" NOT NULL,
    attempts         BIGINT NOT NULL,
    next_at          BIGINT NOT NULL,
    trouble          TEXT COLLATE "C",
    trouble_text     TEXT,
    had              TEXT COLLATE "C",
    now_on           TEXT COLLATE "C",
    cleared_at       BIGINT,
    cleared_again_at BIGINT,
    verified_at      BIGINT,
    PRIMARY KEY (cleanup_id, no)
) WITH (fillfactor = 80);

CREATE INDEX cleanup_steps_owed ON cleanup_steps (router, cleanup_id, no)
WHERE trouble = 'unreachable' AND stage <> 'verified';
