-- Answers to API calls that carried an Idempotency-Key, kept a day per token: the same call again gets the same answer.
-- A row without a status is a call under way; when its lease is over, its holder died and the next call takes it over.
CREATE TABLE idempotency_keys (
    token_id     TEXT COLLATE "C" NOT NULL,
    key          TEXT COLLATE "C" NOT NULL,
    fingerprint  TEXT COLLATE "C" NOT NULL,
    holder       TEXT COLLATE "C" NOT NULL,
    lease_until  BIGINT  NOT NULL,
    expires_at   BIGINT  NOT NULL,
    status       BIGINT ,
    content_type TEXT,
    location     TEXT,
    body         TEXT,
    PRIMARY KEY (token_id, key)
);

CREATE INDEX idempotency_keys_over ON idempotency_keys (expires_at);
