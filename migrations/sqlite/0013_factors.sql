-- When a person last proved who they are: signed in, or confirmed it since. Who signed in before this was kept confirms it.
ALTER TABLE staff_sessions ADD COLUMN proved_at INTEGER NOT NULL DEFAULT 0;

-- What an admin did to a person's sign-in, for their own page.
ALTER TABLE staff ADD COLUMN notice TEXT NOT NULL DEFAULT '';
ALTER TABLE staff ADD COLUMN notice_at INTEGER;

-- Second factors: the seed is sealed under a key that is not here; a step of the clock counts once.
CREATE TABLE factors (
    staff_id    TEXT    NOT NULL PRIMARY KEY REFERENCES staff (id),
    seed        TEXT    NOT NULL,
    last_step   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    enrolled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE recovery_codes (
    hash     TEXT    NOT NULL PRIMARY KEY,
    staff_id TEXT    NOT NULL REFERENCES staff (id),
    used_at  INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX recovery_codes_by_staff ON recovery_codes (staff_id);

-- Codes that count once, found by their SHA-256: of the first set-up, of new people and reset ones, of half a sign-in.
CREATE TABLE one_time_codes (
    hash       TEXT    NOT NULL PRIMARY KEY,
    purpose    TEXT    NOT NULL,
    staff_id   TEXT    REFERENCES staff (id),
    created_by TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at);
CREATE INDEX one_time_codes_by_staff ON one_time_codes (staff_id, purpose);

-- Proofs that were given for one list alone, and count once.
CREATE TABLE intents (
    session_id TEXT    NOT NULL,
    verb       TEXT    NOT NULL,
    target     TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (session_id, verb, target)
) STRICT, WITHOUT ROWID;

CREATE INDEX intents_by_expiry ON intents (expires_at);
