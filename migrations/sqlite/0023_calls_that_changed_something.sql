-- 1 from the moment on at which a call under its key changed something: written in that change's own transaction.
ALTER TABLE idempotency_keys ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
