-- Backup and restore.

-- tables --
-- How many tables this database has of its own.
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND n.nspname = 'public'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e');

-- timescale_create --
-- Its catalogue must be there before its tables are.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- timescale_before --
-- While chunks are restored nothing of TimescaleDB works on them.
SELECT timescaledb_pre_restore();

-- timescale_after --
-- Everything works again.
SELECT timescaledb_post_restore();

-- analyze --
-- A restored database knows nothing of what its tables hold.
ANALYZE;
