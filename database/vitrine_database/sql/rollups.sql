-- Keeping the rollups up to their measurements.

-- refresh_1min --
-- Community: whole buckets only, the bounds must be those of buckets.
CALL refresh_continuous_aggregate('live_1min', %(first)s::timestamptz, %(last)s::timestamptz);

-- refresh_1h --
-- Community: from the minutes.
CALL refresh_continuous_aggregate('live_1h', %(first)s::timestamptz, %(last)s::timestamptz);

-- refresh_1d --
-- Community: from the hours.
CALL refresh_continuous_aggregate('live_1d', %(first)s::timestamptz, %(last)s::timestamptz);

-- span --
-- From the first measurement to the last.
SELECT min(time), max(time) FROM measurement;

-- mark_all --
-- Elsewhere: everything is to be computed again, what was deleted past the triggers included.
SELECT mark_all_rollups(true);

-- waiting --
-- Hours whose rollups are older than their measurements, the newest first.
SELECT DISTINCT hour FROM stale_rollup ORDER BY hour DESC;

-- alone --
-- One refresh at a time, and none beside a drop.
SELECT pg_try_advisory_xact_lock(hashtextextended('vitrine.rollups', 0));

-- create_work --
-- A table of this connection for what a portion computes.
CREATE TEMPORARY TABLE IF NOT EXISTS rollup_work
    (channel_id int, hour timestamptz, first_time timestamptz, last_time timestamptz, removed boolean) ON COMMIT DELETE ROWS;

-- take --
-- The marks that are seen now go; what is computed after this statement sees the measurements of all of them.
WITH taken AS (DELETE FROM stale_rollup WHERE hour = ANY(%(hours)s) RETURNING hour, first_time, last_time, channels, removed)
INSERT INTO rollup_work
SELECT c.channel_id, t.hour, date_bin('1 min', min(t.first_time), timestamptz '2000-01-03 00:00:00+00'), max(t.last_time),
       bool_or(t.removed)
FROM taken t CROSS JOIN LATERAL unnest(t.channels) AS c (channel_id)
LEFT JOIN dropped_days d ON d.channel_id = c.channel_id
WHERE NOT coalesce(t.hour <@ d.days, false)
GROUP BY c.channel_id, t.hour;

-- forget_minutes --
-- Where measurements may have gone, minutes are made anew.
-- The planner knows nothing of what the table of work holds: each line of it is to be looked up by the index.
DELETE FROM rollup_1min WHERE ctid = ANY (ARRAY(
    SELECT found.ctid FROM rollup_work w CROSS JOIN LATERAL (
        SELECT r.ctid FROM rollup_1min r
        WHERE r.channel_id = w.channel_id AND r.bucket >= w.first_time AND r.bucket <= w.last_time OFFSET 0) AS found
    WHERE w.removed));

-- minutes --
-- Minutes from measurements. A stretch of hours that follow one another is read in one go.
INSERT INTO rollup_1min AS held (channel_id, bucket, mean, min, max, last, count, good)
SELECT w.channel_id, m.bucket, m.mean, m.min, m.max, m.last, m.count, m.good
FROM (
    SELECT channel_id, min(first_time) AS first_time, max(last_time) AS last_time
    FROM (
        SELECT channel_id, hour, first_time, last_time,
               hour - row_number() OVER (PARTITION BY channel_id ORDER BY hour) * interval '1 hour' AS stretch
        FROM rollup_work
    ) AS numbered
    GROUP BY channel_id, stretch
) AS w CROSS JOIN LATERAL rollup_minutes(w.channel_id, w.first_time, w.last_time + interval '1 min') AS m
WHERE m.bucket <= w.last_time
ON CONFLICT (channel_id, bucket) DO UPDATE
SET (mean, min, max, last, count, good)
    = ROW (excluded.mean, excluded.min, excluded.max, excluded.last, excluded.count, excluded.good)
WHERE (held.mean, held.min, held.max, held.last, held.count, held.good) IS DISTINCT FROM
      (excluded.mean, excluded.min, excluded.max, excluded.last, excluded.count, excluded.good);

-- gone --
-- Whether measurements may have gone.
SELECT coalesce(bool_or(removed), false) FROM rollup_work;

-- forget_hours --
-- So are hours.
DELETE FROM rollup_1h WHERE ctid = ANY (ARRAY(
    SELECT found.ctid FROM rollup_work w CROSS JOIN LATERAL (
        SELECT r.ctid FROM rollup_1h r WHERE r.channel_id = w.channel_id AND r.bucket = w.hour OFFSET 0) AS found
    WHERE w.removed));

-- hours --
-- Hours from minutes.
INSERT INTO rollup_1h AS held (channel_id, bucket, mean, min, max, last, count, good)
SELECT w.channel_id, w.hour, h.*
FROM rollup_work w CROSS JOIN LATERAL (
    SELECT sum(r.mean * r.good) / nullif(sum(r.good), 0), min(r.min), max(r.max),
           (array_agg(r.last ORDER BY r.bucket DESC) FILTER (WHERE r.good > 0))[1], sum(r.count), sum(r.good)
    FROM rollup_1min r
    WHERE r.channel_id = w.channel_id AND r.bucket >= w.hour AND r.bucket < w.hour + interval '1 hour'
    HAVING count(*) > 0
) AS h
ON CONFLICT (channel_id, bucket) DO UPDATE
SET (mean, min, max, last, count, good)
    = ROW (excluded.mean, excluded.min, excluded.max, excluded.last, excluded.count, excluded.good);

-- forget_days --
-- So are days.
DELETE FROM rollup_1d WHERE ctid = ANY (ARRAY(
    SELECT found.ctid FROM rollup_work w CROSS JOIN LATERAL (
        SELECT r.ctid FROM rollup_1d r
        WHERE r.channel_id = w.channel_id
          AND r.bucket = date_bin('1 day', w.hour, timestamptz '2000-01-03 00:00:00+00') OFFSET 0) AS found
    WHERE w.removed));

-- days --
-- Days from hours.
INSERT INTO rollup_1d AS held (channel_id, bucket, mean, min, max, last, count, good)
SELECT w.channel_id, w.day, d.*
FROM (
    SELECT DISTINCT channel_id, date_bin('1 day', hour, timestamptz '2000-01-03 00:00:00+00') AS day FROM rollup_work
) AS w CROSS JOIN LATERAL (
    SELECT sum(r.mean * r.good) / nullif(sum(r.good), 0), min(r.min), max(r.max),
           (array_agg(r.last ORDER BY r.bucket DESC) FILTER (WHERE r.good > 0))[1], sum(r.count), sum(r.good)
    FROM rollup_1h r
    WHERE r.channel_id = w.channel_id AND r.bucket >= w.day AND r.bucket < w.day + interval '1 day'
    HAVING count(*) > 0
) AS d
ON CONFLICT (channel_id, bucket) DO UPDATE
SET (mean, min, max, last, count, good)
    = ROW (excluded.mean, excluded.min, excluded.max, excluded.last, excluded.count, excluded.good);
