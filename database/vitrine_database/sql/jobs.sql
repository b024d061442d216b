-- The job queue's own schema.

-- exists --
-- Whether the queue's tables are there.
SELECT to_regclass('procrastinate_jobs') IS NOT NULL;

-- table --
-- procrastinate keeps no version in the database, so we do.
CREATE TABLE IF NOT EXISTS job_schema (version text NOT NULL);

-- held --
-- Version of procrastinate whose tables these are.
SELECT version FROM job_schema;

-- note --
-- Remember the version in force.
WITH gone AS (DELETE FROM job_schema) INSERT INTO job_schema VALUES (%(version)s);
