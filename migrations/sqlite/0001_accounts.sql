-- row_no is explicit because the search index refers to it, and VACUUM renumbers implicit ones.
CREATE TABLE accounts (
    row_no            INTEGER PRIMARY KEY,
    id                TEXT    NOT NULL UNIQUE,
    route_key         TEXT,             -- only where it is not the id itself
    email             TEXT    NOT NULL,
    name              TEXT    NOT NULL,
    plan              TEXT    NOT NULL,
    time_zone         TEXT    NOT NULL,
    email_key         TEXT    NOT NULL, -- without case and accents, as Unstick folds it: the database's lower() differs by locale
    name_key          TEXT    NOT NULL,
    search_text       TEXT    NOT NULL, -- id, e-mail and name, folded, one a line
    created_at        INTEGER NOT NULL,
    last_seen_at      INTEGER,
    generation        INTEGER NOT NULL,
    live_sessions     INTEGER NOT NULL,
    leftover_sessions INTEGER NOT NULL,
    total_sessions    INTEGER NOT NULL,
    sample            INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX accounts_by_route_key ON accounts (route_key) WHERE route_key IS NOT NULL;
CREATE INDEX accounts_by_email ON accounts (email_key, id) WHERE email_key <> '';
CREATE INDEX accounts_by_name ON accounts (name_key, id) WHERE name_key <> '';
CREATE INDEX accounts_by_leftover ON accounts (leftover_sessions DESC, id) WHERE leftover_sessions > 0;

-- Substring search. The text is folded already, hence case_sensitive.
CREATE VIRTUAL TABLE accounts_fts USING fts5 (
    search_text, content = 'accounts', content_rowid = 'row_no', columnsize = 0,
    tokenize = 'trigram case_sensitive 1'
);
CREATE TRIGGER accounts_fts_insert AFTER INSERT ON accounts BEGIN
    INSERT INTO accounts_fts (rowid, search_text) VALUES (new.row_no, new.search_text);
END;
CREATE TRIGGER accounts_fts_update AFTER UPDATE OF search_text ON accounts WHEN old.search_text <> new.search_text BEGIN
    INSERT INTO accounts_fts (accounts_fts, rowid, search_text) VALUES ('delete', old.row_no, old.search_text);
    INSERT INTO accounts_fts (rowid, search_text) VALUES (new.row_no, new.search_text);
END;
CREATE TRIGGER accounts_fts_delete AFTER DELETE ON accounts BEGIN
    INSERT INTO accounts_fts (accounts_fts, rowid, search_text) VALUES ('delete', old.row_no, old.search_text);
END;
