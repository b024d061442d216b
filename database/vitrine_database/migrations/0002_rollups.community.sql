-- TimescaleDB Community: a hypertable in columns, rollups as hierarchical continuous aggregates, real time on.
-- Chunks of one day: a day of 200 channels at 1 Hz is 17 million rows, whose index still fits the memory of a small
-- server; a backlog of 72 h touches three or four of them, and whole days can be dropped at once.
-- The policies (refresh, columnstore) are set by `vitrine database migrate` and `vitrine database policies`.

SELECT create_hypertable('measurement', by_range('time', INTERVAL '1 day'), create_default_indexes => false);

CREATE UNIQUE INDEX measurement_channel_time ON measurement (channel_id, time);

ALTER TABLE measurement SET (
    timescaledb.enable_columnstore,
    timescaledb.segmentby = 'channel_id',
    timescaledb.orderby = 'time'
);

CREATE MATERIALIZED VIEW measurement_1min
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket('1 min', time) AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       last(value, time) FILTER (WHERE quality <= 2) AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW measurement_1h
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket('1 hour', bucket) AS bucket,
       channel_id,
       sum(mean * good) / nullif(sum(good), 0)::float8 AS mean,
       min(min) AS min,
       max(max) AS max,
       last(last, bucket) FILTER (WHERE good > 0) AS last,
       sum(count)::bigint AS count,
       sum(good)::bigint AS good
FROM measurement_1min
GROUP BY 1, 2
WITH NO DATA;

CREATE MATERIALIZED VIEW measurement_1d
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT time_bucket('1 day', bucket) AS bucket,
       channel_id,
       sum(mean * good) / nullif(sum(good), 0)::float8 AS mean,
       min(min) AS min,
       max(max) AS max,
       last(last, bucket) FILTER (WHERE good > 0) AS last,
       sum(count)::bigint AS count,
       sum(good)::bigint AS good
FROM measurement_1h
GROUP BY 1, 2
WITH NO DATA;
