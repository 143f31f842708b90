-- Where events go. A webhook's secret is not here: it follows from a key in a file, the id and the generation.
CREATE TABLE webhooks (
    id            TEXT    NOT NULL PRIMARY KEY,
    url           TEXT    NOT NULL,
    kinds         TEXT    NOT NULL,
    format        TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    why           TEXT    NOT NULL,
    generation    INTEGER NOT NULL,
    fingerprint   TEXT    NOT NULL,
    old_until     INTEGER,
    revealed      INTEGER NOT NULL, -- whether somebody was shown the secret of this generation
    created_at    INTEGER NOT NULL,
    created_by    TEXT    NOT NULL,
    failures      INTEGER NOT NULL,
    failing_since INTEGER,
    retry_at      INTEGER,
    succeeded_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Events of one lane, which is an account, go one after the other. The last number that was given in each; it is never
-- deleted, for a number that came twice would turn the order round. Whoever keeps an event holds its lane's row until the
-- end of the transaction: so numbers are in the order of commits.
CREATE TABLE webhook_lanes (
    lane TEXT    NOT NULL PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Events on their way. Of a lane only the first one that waits has `next_at`: a look for what is due reads no other.
CREATE TABLE webhook_deliveries (
    webhook_id   TEXT    NOT NULL REFERENCES webhooks (id),
    event_id     TEXT    NOT NULL,
    lane         TEXT    NOT NULL,
    no           INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    account_id   TEXT,
    at           INTEGER NOT NULL,
    body         TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at      INTEGER,
    lease_token  INTEGER NOT NULL,
    lease_holder TEXT,
    lease_until  INTEGER,
    tried_at     INTEGER,
    status       INTEGER,
    took_ms      INTEGER,
    said         TEXT    NOT NULL,
    PRIMARY KEY (webhook_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at, event_id) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane ON webhook_deliveries (webhook_id, lane, no) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, at, event_id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, at, event_id);
CREATE INDEX webhook_deliveries_by_kind ON webhook_deliveries (webhook_id, kind, at, event_id);
CREATE INDEX webhook_deliveries_by_account ON webhook_deliveries (webhook_id, account_id, at, event_id)
    WHERE account_id IS NOT NULL;
