-- How many routes of its accounts led to each server when the list was frozen, as the routers said then (JSON); NULL for lists
-- from before that was asked.
ALTER TABLE bulks ADD COLUMN routes TEXT;
