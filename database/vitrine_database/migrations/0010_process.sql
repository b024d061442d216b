-- The drawing of an installation's process, as its file declares it; null: none.

ALTER TABLE installation ADD COLUMN process jsonb;
