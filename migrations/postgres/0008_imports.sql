-- How far each import came, so that it goes on where it stopped.
CREATE TABLE imports (
    source     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    line       BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
