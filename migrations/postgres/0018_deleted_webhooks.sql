-- A webhook that was deleted is told nothing any more. It stays for as long as what was sent to it is kept, so that «did you
-- tell us?» has an answer; then it goes too.
ALTER TABLE webhooks ADD COLUMN deleted_at BIGINT;

-- A secret is shown with the answer to the call that made it, and never again: there is nothing to note.
ALTER TABLE webhooks DROP COLUMN revealed;
