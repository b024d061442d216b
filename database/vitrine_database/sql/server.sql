-- What the server is and has, and what was done to the schema.

-- timescale --
-- Installed version of TimescaleDB in this database, and its licence.
SELECT (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.license', true);

-- timescale_available --
-- Whether the server has TimescaleDB at all, in this database, and loaded at its start.
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb'),
       EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb'),
       current_setting('timescaledb.disable_load', true) IS NOT NULL;

-- timescale_create --
-- Needs the right to create extensions.
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- has_schema --
-- Whether any migration was applied.
SELECT to_regclass('schema_migration') IS NOT NULL;

-- schema_edition --
-- Edition that the schema was made for.
SELECT edition FROM schema_migration ORDER BY name LIMIT 1;

-- schema_table --
-- What was applied, when, and from which text.
CREATE TABLE IF NOT EXISTS schema_migration (
    name        text PRIMARY KEY,
    edition     text NOT NULL CHECK (edition IN ('plain', 'apache', 'community')),
    sha256      text NOT NULL,
    applied_at  timestamptz NOT NULL DEFAULT now(),
    stage       text NOT NULL DEFAULT 'pre' CHECK (stage IN ('pre', 'post'))
);

-- schema_table_stage --
-- Databases of the first versions know no stages.
ALTER TABLE schema_migration ADD COLUMN IF NOT EXISTS stage text NOT NULL DEFAULT 'pre' CHECK (stage IN ('pre', 'post'));

-- applied --
-- Migrations in the order of their numbers.
SELECT name, sha256, coalesce(to_jsonb(m) ->> 'stage', 'pre') FROM schema_migration m ORDER BY name;

-- record --
-- Remember one migration.
INSERT INTO schema_migration (name, edition, sha256, stage) VALUES (%(name)s, %(edition)s, %(sha256)s, %(stage)s);

-- lock --
-- One migration at a time in this database; the number is our own.
SELECT pg_advisory_lock(hashtextextended('vitrine.migration', 0));

-- unlock --
-- Let the next one go on.
SELECT pg_advisory_unlock(hashtextextended('vitrine.migration', 0));

-- lock_timeout --
-- How long to wait for another migration.
SELECT set_config('lock_timeout', %(wait)s, false);

-- versions --
-- Versions of the server, as a number, and of TimescaleDB.
SELECT current_setting('server_version_num')::int, current_setting('server_version'),
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb');
