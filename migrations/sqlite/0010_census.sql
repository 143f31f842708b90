-- What is left over anywhere, as censuses saw it. A census's number is its lease's token; the index below lets no second
-- one run, in whatever process.
CREATE TABLE censuses (
    no          INTEGER NOT NULL PRIMARY KEY,
    actor       TEXT    NOT NULL,
    holder      TEXT    NOT NULL,
    started_at  INTEGER NOT NULL,
    ended_at    INTEGER,
    outcome     TEXT    NOT NULL,
    lease_until INTEGER,
    note        TEXT    NOT NULL,
    CHECK ((outcome = 'running') = (lease_until IS NOT NULL)),
    CHECK ((outcome = 'running') = (ended_at IS NULL))
) STRICT;

CREATE UNIQUE INDEX censuses_running ON censuses (outcome) WHERE outcome = 'running';
CREATE INDEX censuses_done ON censuses (no) WHERE outcome = 'done';

-- Router and pool are empty where a finding is not about a place: then it is still one key. In the order of that key,
-- which is the order in which a census finds: it writes side by side.
CREATE TABLE census_findings (
    kind          TEXT    NOT NULL,
    router        TEXT    NOT NULL,
    pool          TEXT    NOT NULL,
    subject       TEXT    NOT NULL,
    id            TEXT    NOT NULL,
    server        TEXT,
    account_id    TEXT,
    session_id    TEXT,
    severity      TEXT    NOT NULL,
    since         INTEGER,
    things        INTEGER NOT NULL,
    detail        TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    looks         INTEGER NOT NULL,
    census        INTEGER NOT NULL,
    gone_at       INTEGER,
    PRIMARY KEY (kind, router, pool, subject)
) STRICT, WITHOUT ROWID;

-- Lists show open ones, the oldest first.
CREATE INDEX census_findings_open ON census_findings (first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_kind ON census_findings (kind, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_router ON census_findings (router, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_server ON census_findings (server, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_account ON census_findings (account_id) WHERE state = 'open' AND account_id IS NOT NULL;
CREATE INDEX census_findings_gone ON census_findings (gone_at) WHERE gone_at IS NOT NULL;

-- How many were open at the end of each census. Router and server are empty where there is none.
CREATE TABLE census_points (
    census INTEGER NOT NULL,
    kind   TEXT    NOT NULL,
    router TEXT    NOT NULL,
    server TEXT    NOT NULL,
    at     INTEGER NOT NULL,
    things INTEGER NOT NULL,
    PRIMARY KEY (census, kind, router, server)
) STRICT, WITHOUT ROWID;

CREATE TABLE repairs (
    id           TEXT    NOT NULL PRIMARY KEY,
    actor        TEXT    NOT NULL,
    reason       TEXT    NOT NULL,
    ticket       TEXT    NOT NULL,
    plan_hash    TEXT    NOT NULL,
    requested_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE repair_accounts (
    repair_id  TEXT NOT NULL REFERENCES repairs (id),
    account_id TEXT NOT NULL,
    outcome    TEXT NOT NULL,
    cleanup_id TEXT,
    PRIMARY KEY (repair_id, account_id)
) STRICT, WITHOUT ROWID;
