-- PostgreSQL without TimescaleDB: one table, rollups as views over it.
-- `last` by the greatest pair (time, value): no sort, unlike array_agg(… ORDER BY …).

CREATE UNIQUE INDEX measurement_channel_time ON measurement (channel_id, time);

-- A view's `bucket` hides `time` from the index above; this one finds buckets, and costs a few kilobytes.
CREATE INDEX measurement_buckets ON measurement USING brin (
    date_bin('1 min', time, timestamptz '2000-01-03 00:00:00+00'),
    date_bin('1 hour', time, timestamptz '2000-01-03 00:00:00+00'),
    date_bin('1 day', time, timestamptz '2000-01-03 00:00:00+00')
) WITH (pages_per_range = 32, autosummarize = on);

CREATE VIEW measurement_1min AS
SELECT date_bin('1 min', time, timestamptz '2000-01-03 00:00:00+00') AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       (max(ARRAY[date_part('epoch', time), value]) FILTER (WHERE quality <= 2))[2] AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;

CREATE VIEW measurement_1h AS
SELECT date_bin('1 hour', time, timestamptz '2000-01-03 00:00:00+00') AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       (max(ARRAY[date_part('epoch', time), value]) FILTER (WHERE quality <= 2))[2] AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;

CREATE VIEW measurement_1d AS
SELECT date_bin('1 day', time, timestamptz '2000-01-03 00:00:00+00') AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       (max(ARRAY[date_part('epoch', time), value]) FILTER (WHERE quality <= 2))[2] AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;
