-- Indexes that a load into an empty database took away, each as it was. A row goes with its index's being made again: a
-- load that dies leaves behind what is owed.
CREATE TABLE deferred_indexes (
    name TEXT NOT NULL PRIMARY KEY,
    sql  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
