-- TimescaleDB under the Apache licence: a hypertable, rollups as views over it.
-- Chunks of one day: a day of 200 channels at 1 Hz is 17 million rows, whose index still fits the memory of a small
-- server; a backlog of 72 h touches three or four of them, and whole days can be dropped at once.

SELECT create_hypertable('measurement', by_range('time', INTERVAL '1 day'), create_default_indexes => false);

CREATE UNIQUE INDEX measurement_channel_time ON measurement (channel_id, time);

CREATE VIEW measurement_1min AS
SELECT time_bucket('1 min', time) AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       last(value, time) FILTER (WHERE quality <= 2) AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;

CREATE VIEW measurement_1h AS
SELECT time_bucket('1 hour', time) AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       last(value, time) FILTER (WHERE quality <= 2) AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;

CREATE VIEW measurement_1d AS
SELECT time_bucket('1 day', time) AS bucket,
       channel_id,
       avg(value) FILTER (WHERE quality <= 2) AS mean,
       min(value) FILTER (WHERE quality <= 2) AS min,
       max(value) FILTER (WHERE quality <= 2) AS max,
       last(value, time) FILTER (WHERE quality <= 2) AS last,
       count(*) AS count,
       count(*) FILTER (WHERE quality <= 2) AS good
FROM measurement
GROUP BY 1, 2;
