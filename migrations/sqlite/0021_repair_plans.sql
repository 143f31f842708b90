-- Which plan each account of a repair was shown with: whoever goes on with a repair whose process died asks for exactly that.
-- What waits from before has none, and is not gone on with: its findings are still there to be repaired.
ALTER TABLE repair_accounts ADD COLUMN plan TEXT;
UPDATE repair_accounts SET outcome = 'failed' WHERE outcome = 'waiting';
CREATE INDEX repair_accounts_waiting ON repair_accounts (repair_id) WHERE outcome = 'waiting';
