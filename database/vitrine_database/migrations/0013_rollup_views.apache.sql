-- The rollups are read from their tables, but for hours whose measurements changed since: these are computed from the
-- measurements, so that a reader never sees an old value. `vitrine worker run` and `vitrine database refresh` keep up.

-- Minutes of one channel, computed now. A function, so that the plan is made for these bounds and not for all of time.
CREATE FUNCTION rollup_minutes(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE plpgsql STABLE ROWS 60 AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT date_bin('1 min', m.time, timestamptz '2000-01-03 00:00:00+00'),
           avg(m.value) FILTER (WHERE m.quality <= 2), min(m.value) FILTER (WHERE m.quality <= 2),
           max(m.value) FILTER (WHERE m.quality <= 2),
           last(m.value, m.time) FILTER (WHERE m.quality <= 2),
           count(*), count(*) FILTER (WHERE m.quality <= 2)
    FROM measurement m
    WHERE m.channel_id = one_channel AND m.time >= first AND m.time < before
    GROUP BY 1;
END $$;

-- One hour of one channel, computed now; no row where there is no measurement.
CREATE FUNCTION rollup_hour(one_channel int, hour timestamptz)
RETURNS TABLE (mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE sql STABLE ROWS 1 AS $$
    SELECT sum(m.mean * m.good) / nullif(sum(m.good), 0)::float8, min(m.min), max(m.max),
           (array_agg(m.last ORDER BY m.bucket DESC) FILTER (WHERE m.good > 0))[1], sum(m.count)::bigint, sum(m.good)::bigint
    FROM rollup_minutes(one_channel, hour, hour + interval '1 hour') AS m
    HAVING count(*) > 0
$$;

-- Channels and hours that are not to be read from the tables; what was dropped stays as it was kept.
CREATE VIEW stale_rollup_hour AS
SELECT DISTINCT s.hour, c.channel_id
FROM stale_rollup s CROSS JOIN LATERAL unnest(s.channels) AS c (channel_id)
LEFT JOIN dropped_days d ON d.channel_id = c.channel_id
WHERE NOT coalesce(s.hour <@ d.days, false);

-- The same as stretches: a long one is read in one go.
CREATE VIEW stale_rollup_stretch AS
SELECT channel_id, min(hour) AS first_time, max(hour) + interval '1 hour' AS before
FROM (
    SELECT channel_id, hour, hour - row_number() OVER (PARTITION BY channel_id ORDER BY hour) * interval '1 hour' AS stretch
    FROM stale_rollup_hour
) AS numbered
GROUP BY channel_id, stretch;

CREATE OR REPLACE VIEW measurement_1min AS
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint AS count, r.good::bigint AS good
FROM rollup_1min r
WHERE NOT EXISTS (
    SELECT FROM stale_rollup_hour s
    WHERE s.channel_id = r.channel_id AND s.hour = date_bin('1 hour', r.bucket, timestamptz '2000-01-03 00:00:00+00'))
UNION ALL
SELECT m.bucket, s.channel_id, m.mean, m.min, m.max, m.last, m.count, m.good
FROM stale_rollup_stretch s CROSS JOIN LATERAL rollup_minutes(s.channel_id, s.first_time, s.before) AS m;

CREATE OR REPLACE VIEW measurement_1h AS
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint AS count, r.good::bigint AS good
FROM rollup_1h r
WHERE NOT EXISTS (SELECT FROM stale_rollup_hour s WHERE s.channel_id = r.channel_id AND s.hour = r.bucket)
UNION ALL
SELECT s.hour, s.channel_id, h.mean, h.min, h.max, h.last, h.count, h.good
FROM stale_rollup_hour s CROSS JOIN LATERAL rollup_hour(s.channel_id, s.hour) AS h;

CREATE OR REPLACE VIEW measurement_1d AS
WITH stale_day AS NOT MATERIALIZED (
    SELECT DISTINCT date_bin('1 day', hour, timestamptz '2000-01-03 00:00:00+00') AS day, channel_id FROM stale_rollup_hour
)
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint AS count, r.good::bigint AS good
FROM rollup_1d r
WHERE NOT EXISTS (SELECT FROM stale_day s WHERE s.channel_id = r.channel_id AND s.day = r.bucket)
UNION ALL
SELECT s.day, s.channel_id, d.mean, d.min, d.max, d.last, d.count, d.good
FROM stale_day s CROSS JOIN LATERAL (
    SELECT sum(h.mean * h.good) / nullif(sum(h.good), 0)::float8 AS mean, min(h.min) AS min, max(h.max) AS max,
           (array_agg(h.last ORDER BY h.bucket DESC) FILTER (WHERE h.good > 0))[1] AS last,
           sum(h.count)::bigint AS count, sum(h.good)::bigint AS good
    FROM (
        SELECT r.bucket, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint
        FROM rollup_1h r
        WHERE r.channel_id = s.channel_id AND r.bucket >= s.day AND r.bucket < s.day + interval '1 day'
          AND NOT EXISTS (SELECT FROM stale_rollup_hour t WHERE t.channel_id = r.channel_id AND t.hour = r.bucket)
        UNION ALL
        SELECT t.hour, n.mean, n.min, n.max, n.last, n.count, n.good
        FROM stale_rollup_hour t CROSS JOIN LATERAL rollup_hour(t.channel_id, t.hour) AS n
        WHERE t.channel_id = s.channel_id AND t.hour >= s.day AND t.hour < s.day + interval '1 day'
    ) AS h
    HAVING count(*) > 0
) AS d;

-- Notes every hour of every channel between its first and its last measurement, as if nothing had been computed yet.
CREATE FUNCTION mark_all_rollups(may_have_gone boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    -- While this is held no mark is taken away, so one that is there already need not be made again.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended('vitrine.rollups', 0));
    INSERT INTO stale_rollup (hour, first_time, last_time, channels, removed)
    WITH RECURSIVE known AS (
        (SELECT channel_id FROM measurement ORDER BY channel_id LIMIT 1)
        UNION ALL
        SELECT (SELECT m.channel_id FROM measurement m WHERE m.channel_id > k.channel_id ORDER BY m.channel_id LIMIT 1)
        FROM known k WHERE k.channel_id IS NOT NULL
    ), span AS (
        SELECT channel_id, (SELECT min(time) FROM measurement m WHERE m.channel_id = k.channel_id) AS first,
               (SELECT max(time) FROM measurement m WHERE m.channel_id = k.channel_id) AS last
        FROM known k WHERE channel_id IS NOT NULL
    ), every AS (
        SELECT hour, array_agg(channel_id) AS channels
        FROM span CROSS JOIN LATERAL generate_series(
            date_bin('1 hour', first, timestamptz '2000-01-03 00:00:00+00'), last, interval '1 hour') AS hour
        GROUP BY hour
    )
    SELECT e.hour, e.hour, e.hour + interval '1 hour' - interval '1 microsecond', e.channels, may_have_gone
    FROM every e
    WHERE NOT EXISTS (
        SELECT FROM stale_rollup s
        WHERE s.hour = e.hour AND s.first_time = e.hour AND s.last_time = e.hour + interval '1 hour' - interval '1 microsecond'
          AND s.channels @> e.channels AND s.removed >= may_have_gone);
END $$;

-- Notes the hours of the rows that a statement touched.
CREATE FUNCTION mark_touched_rollups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stale_rollup (hour, first_time, last_time, channels, removed)
    SELECT hour, min(first_time), max(last_time), array_agg(channel_id), TG_OP = 'DELETE'
    FROM (
        SELECT channel_id, date_bin('1 hour', time, timestamptz '2000-01-03 00:00:00+00') AS hour,
               min(time) AS first_time, max(time) AS last_time
        FROM touched GROUP BY 1, 2
    ) AS part
    LEFT JOIN dropped_days d USING (channel_id)
    WHERE NOT coalesce(hour <@ d.days, false)
    GROUP BY hour;
    RETURN NULL;
END $$;

CREATE TRIGGER measurement_updated AFTER UPDATE ON measurement REFERENCING OLD TABLE AS touched
FOR EACH STATEMENT EXECUTE FUNCTION mark_touched_rollups();
CREATE TRIGGER measurement_deleted AFTER DELETE ON measurement REFERENCING OLD TABLE AS touched
FOR EACH STATEMENT EXECUTE FUNCTION mark_touched_rollups();

CREATE FUNCTION forget_rollups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM stale_rollup;
    DELETE FROM rollup_1min r WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = r.channel_id AND r.bucket <@ d.days);
    DELETE FROM rollup_1h r WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = r.channel_id AND r.bucket <@ d.days);
    DELETE FROM rollup_1d r WHERE NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = r.channel_id AND r.bucket <@ d.days);
    RETURN NULL;
END $$;
CREATE TRIGGER measurement_emptied AFTER TRUNCATE ON measurement FOR EACH STATEMENT EXECUTE FUNCTION forget_rollups();

-- A trigger that sees the rows would take COPY into a hypertable off its fast way (a third more time was measured), so a
-- writer tells what it is about to write, each channel with the hour and the first and last instant in it.
CREATE FUNCTION measurements_come(hours timestamptz[], firsts timestamptz[], lasts timestamptz[], channels int[]) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO stale_rollup (hour, first_time, last_time, channels, removed)
    SELECT hour, min(first_time), max(last_time), array_agg(DISTINCT channel_id), false
    FROM unnest(hours, firsts, lasts, channels) AS part (hour, first_time, last_time, channel_id)
    GROUP BY hour;
    SELECT set_config('vitrine.measurements_told', 'yes', true);
$$;

-- For a statement of which nothing was told, every hour has to be thought stale.
CREATE FUNCTION mark_untold_rollups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('vitrine.measurements_told', true) = 'yes' THEN
        PERFORM set_config('vitrine.measurements_told', '', true);
    ELSE
        PERFORM mark_all_rollups(false);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER measurement_inserted AFTER INSERT ON measurement FOR EACH STATEMENT EXECUTE FUNCTION mark_untold_rollups();

SELECT mark_all_rollups(false);
