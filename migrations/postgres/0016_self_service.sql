-- Customers help themselves. A link is found by the SHA-256 of its code, in hex, and opens once; from then on the visit that
-- it opened is found by the SHA-256 of its cookie: what is here opens nothing.
CREATE TABLE customer_links (
    hash        TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account_id  TEXT COLLATE "C" NOT NULL REFERENCES accounts (id),
    session_id  TEXT COLLATE "C",
    created_by  TEXT COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL,
    used_at     BIGINT,
    visit_hash  TEXT COLLATE "C" UNIQUE,
    visit_until BIGINT
);

CREATE INDEX customer_links_by_expiry ON customer_links (expires_at);

-- The session that a clean-up leaves signed in although its mode ends every one.
ALTER TABLE cleanups ADD COLUMN keep_session TEXT COLLATE "C";
