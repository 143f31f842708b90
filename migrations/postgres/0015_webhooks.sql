-- Where events go. A webhook's secret is not here: it follows from a key in a file, the id and the generation.
CREATE TABLE webhooks (
    id            TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    url           TEXT COLLATE "C" NOT NULL,
    kinds         TEXT COLLATE "C" NOT NULL,
    format        TEXT COLLATE "C" NOT NULL,
    state         TEXT COLLATE "C" NOT NULL,
    why           TEXT COLLATE "C" NOT NULL,
    generation    BIGINT NOT NULL,
    fingerprint   TEXT COLLATE "C" NOT NULL,
    old_until     BIGINT,
    revealed      BIGINT NOT NULL, -- whether somebody was shown the secret of this generation
    created_at    BIGINT NOT NULL,
    created_by    TEXT COLLATE "C" NOT NULL,
    failures      BIGINT NOT NULL,
    failing_since BIGINT,
    retry_at      BIGINT,
    succeeded_at  BIGINT
);

-- Events of one lane, which is an account, go one after the other. The last number that was given in each; it is never
-- deleted, for a number that came twice would turn the order round. Whoever keeps an event holds its lane's row until the
-- end of the transaction: so numbers are in the order of commits.
CREATE TABLE webhook_lanes (
    lane TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL
);

-- Events on their way. Of a lane only the first one that waits has `next_at`: a look for what is due reads no other.
CREATE TABLE webhook_deliveries (
    webhook_id   TEXT COLLATE "C" NOT NULL REFERENCES webhooks (id),
    event_id     TEXT COLLATE "C" NOT NULL,
    lane         TEXT COLLATE "C" NOT NULL,
    no           BIGINT NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    account_id   TEXT COLLATE "C",
    at           BIGINT NOT NULL,
    body         TEXT COLLATE "C" NOT NULL,
    state        TEXT COLLATE "C" NOT NULL,
    attempts     BIGINT NOT NULL,
    next_at      BIGINT,
    lease_token  BIGINT NOT NULL,
    lease_holder TEXT COLLATE "C",
    lease_until  BIGINT,
    tried_at     BIGINT,
    status       BIGINT,
    took_ms      BIGINT,
    said         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (webhook_id, event_id)
);

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_at, event_id) WHERE next_at IS NOT NULL;
CREATE INDEX webhook_deliveries_lane ON webhook_deliveries (webhook_id, lane, no) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_log ON webhook_deliveries (webhook_id, at, event_id);
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook_id, state, at, event_id);
CREATE INDEX webhook_deliveries_by_kind ON webhook_deliveries (webhook_id, kind, at, event_id);
CREATE INDEX webhook_deliveries_by_account ON webhook_deliveries (webhook_id, account_id, at, event_id)
    WHERE account_id IS NOT NULL;
