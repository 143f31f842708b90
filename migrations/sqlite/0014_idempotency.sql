-- Answers to API calls that carried an Idempotency-Key, kept a day per token: the same call again gets the same answer.
-- A row without a status is a call under way; when its lease is over, its holder died and the next call takes it over.
CREATE TABLE idempotency_keys (
    token_id     TEXT    NOT NULL,
    key          TEXT    NOT NULL,
    fingerprint  TEXT    NOT NULL,
    holder       TEXT    NOT NULL,
    lease_until  INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    status       INTEGER,
    content_type TEXT,
    location     TEXT,
    body         TEXT,
    PRIMARY KEY (token_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_over ON idempotency_keys (expires_at);
