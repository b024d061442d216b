-- What `vitrine database status` tells.

-- server --
-- Who and where we are.
SELECT current_setting('server_version'), current_database(), current_user,
       pg_database_size(current_database()), pg_is_in_recovery();

-- rights --
-- What this user may do: change the schema, write measurements, read them, make roles.
SELECT has_schema_privilege(current_schema(), 'CREATE'),
       coalesce(has_table_privilege(to_regclass('measurement'), 'INSERT'), false),
       coalesce(has_table_privilege(to_regclass('measurement'), 'SELECT'), false),
       (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user);

-- measurements_plain --
-- Bytes with indexes, and the planner's idea of the rows (-1: never analysed).
SELECT pg_total_relation_size('measurement'), (SELECT reltuples::bigint FROM pg_class WHERE oid = 'measurement'::regclass);

-- measurements_timescale --
-- The same over all chunks.
SELECT hypertable_size('measurement'), approximate_row_count('measurement');

-- measurements_counted --
-- For tables so small that counting costs nothing.
SELECT count(*) FROM measurement;

-- chunks --
-- Chunks, and how many of them are columns.
SELECT count(*), count(*) FILTER (WHERE is_compressed) FROM timescaledb_information.chunks
WHERE hypertable_name = 'measurement';

-- compression --
-- Bytes before and after columns; NULL where there are none yet.
SELECT sum(before_compression_total_bytes)::bigint, sum(after_compression_total_bytes)::bigint
FROM hypertable_columnstore_stats('measurement');

-- catalogue --
-- What is known and what is asked to be done.
SELECT (SELECT count(*) FROM installation), (SELECT count(*) FROM gateway), (SELECT count(*) FROM channel),
       (SELECT max(time) FROM latest);
