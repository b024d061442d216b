-- Background work of TimescaleDB Community: refresh of the rollups, columnstore.

-- remove --
-- Take the policies away, so that they can be set again.
SELECT remove_continuous_aggregate_policy('live_1d', if_exists => true),
       remove_continuous_aggregate_policy('live_1h', if_exists => true),
       remove_continuous_aggregate_policy('live_1min', if_exists => true);

-- remove_columnstore --
-- The same for the columnstore.
CALL remove_columnstore_policy('measurement', if_exists => true);

-- refresh --
-- Only what changed is computed again, so a long window costs nothing while nothing is late. In one batch: TimescaleDB
-- 2.2x leaves the bucket of the newest late row out of its batches where that row lies on the bucket's first instant.
SELECT add_continuous_aggregate_policy('live_1min',
           start_offset => %(window)s::interval, end_offset => INTERVAL '1 min', schedule_interval => INTERVAL '1 min',
           buckets_per_batch => 0),
       add_continuous_aggregate_policy('live_1h',
           start_offset => %(window)s::interval, end_offset => INTERVAL '1 hour', schedule_interval => INTERVAL '10 min',
           buckets_per_batch => 0),
       add_continuous_aggregate_policy('live_1d',
           start_offset => %(window)s::interval, end_offset => INTERVAL '1 day', schedule_interval => INTERVAL '1 hour',
           buckets_per_batch => 0);

-- columnstore --
-- Chunks go to columns when they are older than this.
CALL add_columnstore_policy('measurement', after => %(after)s::interval);

-- present --
-- What is set, when it ran and when it runs again.
SELECT j.job_id, j.proc_name, coalesce(replace(ca.view_name, 'live_', 'measurement_'), j.hypertable_name), j.schedule_interval, j.config,
       s.last_run_status, s.last_successful_finish, j.next_start, coalesce(s.total_failures, 0)
FROM timescaledb_information.jobs j
LEFT JOIN timescaledb_information.job_stats s USING (job_id)
LEFT JOIN timescaledb_information.continuous_aggregates ca
       ON ca.materialization_hypertable_name = j.hypertable_name OR ca.view_name = j.hypertable_name
WHERE j.hypertable_name IS NOT NULL
ORDER BY j.job_id;
