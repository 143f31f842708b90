-- What is left over anywhere, as censuses saw it. A census's number is its lease's token; the index below lets no second
-- one run, in whatever process.
CREATE TABLE censuses (
    no          BIGINT NOT NULL PRIMARY KEY,
    actor       TEXT COLLATE "C" NOT NULL,
    holder      TEXT COLLATE "C" NOT NULL,
    started_at  BIGINT NOT NULL,
    ended_at    BIGINT,
    outcome     TEXT COLLATE "C" NOT NULL,
    lease_until BIGINT,
    note        TEXT NOT NULL,
    CHECK ((outcome = 'running') = (lease_until IS NOT NULL)),
    CHECK ((outcome = 'running') = (ended_at IS NULL))
);

CREATE UNIQUE INDEX censuses_running ON censuses (outcome) WHERE outcome = 'running';
CREATE INDEX censuses_done ON censuses (no) WHERE outcome = 'done';

-- Router and pool are empty where a finding is not about a place: then it is still one key. In the order of that key,
-- which is the order in which a census finds: it writes side by side.
CREATE TABLE census_findings (
    kind          TEXT COLLATE "C" NOT NULL,
    router        TEXT COLLATE "C" NOT NULL,
    pool          TEXT COLLATE "C" NOT NULL,
    subject       TEXT COLLATE "C" NOT NULL,
    id            TEXT COLLATE "C" NOT NULL,
    server        TEXT COLLATE "C",
    account_id    TEXT COLLATE "C",
    session_id    TEXT COLLATE "C",
    severity      TEXT COLLATE "C" NOT NULL,
    since         BIGINT,
    things        BIGINT NOT NULL,
    detail        TEXT NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    first_seen_at BIGINT NOT NULL,
    last_seen_at  BIGINT NOT NULL,
    looks         BIGINT NOT NULL,
    census        BIGINT NOT NULL,
    gone_at       BIGINT,
    PRIMARY KEY (kind, router, pool, subject)
) WITH (fillfactor = 80);

-- Lists show open ones, the oldest first.
CREATE INDEX census_findings_open ON census_findings (first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_kind ON census_findings (kind, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_router ON census_findings (router, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_server ON census_findings (server, first_seen_at, id) WHERE state = 'open';
CREATE INDEX census_findings_by_account ON census_findings (account_id) WHERE state = 'open' AND account_id IS NOT NULL;
CREATE INDEX census_findings_gone ON census_findings (gone_at) WHERE gone_at IS NOT NULL;

-- How many were open at the end of each census. Router and server are empty where there is none.
CREATE TABLE census_points (
    census BIGINT NOT NULL,
    kind   TEXT COLLATE "C" NOT NULL,
    router TEXT COLLATE "C" NOT NULL,
    server TEXT COLLATE "C" NOT NULL,
    at     BIGINT NOT NULL,
    things BIGINT NOT NULL,
    PRIMARY KEY (census, kind, router, server)
);

CREATE TABLE repairs (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    actor        TEXT COLLATE "C" NOT NULL,
    reason       TEXT NOT NULL,
    ticket       TEXT NOT NULL,
    plan_hash    TEXT COLLATE "C" NOT NULL,
    requested_at BIGINT NOT NULL
);

CREATE TABLE repair_accounts (
    repair_id  TEXT COLLATE "C" NOT NULL REFERENCES repairs (id),
    account_id TEXT COLLATE "C" NOT NULL,
    outcome    TEXT COLLATE "C" NOT NULL,
    cleanup_id TEXT COLLATE "C",
    PRIMARY KEY (repair_id, account_id)
);
