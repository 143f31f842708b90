CREATE TABLE staff (
    id                  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name                TEXT NOT NULL,
    role                TEXT COLLATE "C" NOT NULL,
    password_hash       TEXT,
    password_changed_at BIGINT,
    created_at          BIGINT NOT NULL,
    disabled_at         BIGINT,
    last_sign_in_at     BIGINT
);

-- Found by the SHA-256 of their secret, in hex: what is here signs nobody in.
CREATE TABLE staff_sessions (
    hash         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    id           TEXT COLLATE "C" NOT NULL UNIQUE,
    staff_id     TEXT COLLATE "C" NOT NULL REFERENCES staff (id),
    data         TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    ip           TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    idle_until   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    revoked_at   BIGINT
);

CREATE INDEX staff_sessions_by_staff ON staff_sessions (staff_id, created_at);
CREATE INDEX staff_sessions_by_expiry ON staff_sessions (expires_at);

CREATE TABLE tokens (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    name         TEXT NOT NULL,
    hash         TEXT COLLATE "C" NOT NULL UNIQUE,
    scopes       TEXT COLLATE "C" NOT NULL,
    created_at   BIGINT NOT NULL,
    created_by   TEXT COLLATE "C" NOT NULL,
    expires_at   BIGINT,
    revoked_at   BIGINT,
    last_used_at BIGINT
);

CREATE TABLE attempts (
    key          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    failures     BIGINT NOT NULL,
    window_start BIGINT NOT NULL,
    window_end   BIGINT NOT NULL,
    last_at      BIGINT NOT NULL
);

CREATE INDEX attempts_by_end ON attempts (window_end);
