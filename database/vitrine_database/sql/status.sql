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

-- newest --
-- When measurements were last written, and of what time the newest is.
SELECT max(received_at), max(time) FROM latest;

-- stale --
-- Marked hours that are over: how many, and the oldest.
SELECT count(DISTINCT hour), min(hour) FROM stale_rollup WHERE hour < date_trunc('hour', now(), 'UTC');

-- watermarks --
-- Community: until when each rollup is materialised; what is newer is computed when it is read.
SELECT replace(view_name, 'live_', 'measurement_'),
       CASE WHEN mark > -4000000000000000 THEN timestamptz 'epoch' + mark * interval '1 microsecond' END
FROM (
    SELECT c.view_name, _timescaledb_functions.to_unix_microseconds(
               _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(h.id))) AS mark
    FROM timescaledb_information.continuous_aggregates c
    JOIN _timescaledb_catalog.hypertable h
      ON (h.schema_name, h.table_name) = (c.materialization_hypertable_schema, c.materialization_hypertable_name)
) AS part ORDER BY 1;

-- tasks --
-- The worker's regular tasks: when each was last asked for, and how many of its jobs failed.
SELECT task_name, to_timestamp(max(defer_timestamp)) AS last_asked,
       (SELECT count(*) FROM procrastinate_jobs j WHERE j.task_name = p.task_name AND j.status = 'failed') AS failed
FROM procrastinate_periodic_defers p GROUP BY task_name ORDER BY task_name;

-- workers --
-- Workers that were heard of within a minute, and jobs that failed for good.
SELECT (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'),
       (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed');

-- may_see_tasks --
-- Whether this user may read the queue and the marks.
SELECT coalesce(has_table_privilege(to_regclass('procrastinate_workers'), 'SELECT'), false)
   AND coalesce(has_table_privilege(to_regclass('stale_rollup'), 'SELECT'), false);
