-- When a person last proved who they are: signed in, or confirmed it since. Who signed in before this was kept confirms it.
ALTER TABLE staff_sessions ADD COLUMN proved_at BIGINT NOT NULL DEFAULT 0;

-- What an admin did to a person's sign-in, for their own page.
ALTER TABLE staff ADD COLUMN notice TEXT NOT NULL DEFAULT '';
ALTER TABLE staff ADD COLUMN notice_at BIGINT;

-- Second factors: the seed is sealed under a key that is not here; a step of the clock counts once.
CREATE TABLE factors (
    staff_id    TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES staff (id),
    seed        TEXT NOT NULL,
    last_step   BIGINT NOT NULL,
    created_at  BIGINT NOT NULL,
    enrolled_at BIGINT
);

CREATE TABLE recovery_codes (
    hash     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    staff_id TEXT COLLATE "C" NOT NULL REFERENCES staff (id),
    used_at  BIGINT
);

CREATE INDEX recovery_codes_by_staff ON recovery_codes (staff_id);

-- Codes that count once, found by their SHA-256: of the first set-up, of new people and reset ones, of half a sign-in.
CREATE TABLE one_time_codes (
    hash       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    purpose    TEXT COLLATE "C" NOT NULL,
    staff_id   TEXT COLLATE "C" REFERENCES staff (id),
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);

CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
CREATE INDEX one_time_codes_by_staff ON one_time_codes (staff_id, purpose);

-- Proofs that were given for one list alone, and count once.
CREATE TABLE intents (
    session_id TEXT COLLATE "C" NOT NULL,
    verb       TEXT COLLATE "C" NOT NULL,
    target     TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (session_id, verb, target)
);

CREATE INDEX intents_by_expiry ON intents (expires_at);
