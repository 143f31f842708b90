-- SQLite alone puts indexes off while it loads its first rows; the table is here too because both have one schema.
CREATE TABLE deferred_indexes (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    sql  TEXT NOT NULL
);
