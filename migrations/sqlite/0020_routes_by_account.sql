-- A list of accounts asks where each one's routes lead. All that it asks stands in the index: a look at the table for each
-- route took nine tenths of the time (measured: 134 routes of 50 accounts in 25 µs rather than 593).
DROP INDEX routes_by_account;
CREATE INDEX routes_by_account ON routes (account_id, server, router, pool, scope, session_id)
    WHERE account_id IS NOT NULL;
