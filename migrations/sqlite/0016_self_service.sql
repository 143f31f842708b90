-- Customers help themselves. A link is found by the SHA-256 of its code, in hex, and opens once; from then on the visit that
-- it opened is found by the SHA-256 of its cookie: what is here opens nothing.
CREATE TABLE customer_links (
    hash        TEXT    NOT NULL PRIMARY KEY,
    account_id  TEXT    NOT NULL REFERENCES accounts (id),
    session_id  TEXT,
    created_by  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    visit_hash  TEXT    UNIQUE,
    visit_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX customer_links_by_expiry ON customer_links (expires_at);

-- The session that a clean-up leaves signed in although its mode ends every one.
ALTER TABLE cleanups ADD COLUMN keep_session TEXT;
