-- Hours and days of one channel whose beginnings lie from `first` to before `before`, as `measurement_1h` and
-- `measurement_1d` have them. Where a query finds its channels by a join, the views compute the stale hours of every channel
-- first, one by one; these compute the channel's only, the hours of a day that follow one another in one go.
CREATE FUNCTION hours_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE plpgsql STABLE ROWS 168 AS $$
#variable_conflict use_column
DECLARE
    zero CONSTANT timestamptz := timestamptz '2000-01-03 00:00:00+00';
    stale timestamptz[] := ARRAY(
        SELECT hour FROM stale_rollup_hour s WHERE s.channel_id = one_channel AND s.hour >= first AND s.hour < before);
BEGIN
    RETURN QUERY
    SELECT r.bucket, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint
    FROM rollup_1h r
    WHERE r.channel_id = one_channel AND r.bucket >= first AND r.bucket < before
      AND (stale = '{}' OR r.bucket <> ALL (stale));
    RETURN QUERY
    SELECT h.*
    FROM (
        SELECT min(hour) AS begins, max(hour) + interval '1 hour' AS ends
        FROM (SELECT hour, hour - row_number() OVER (ORDER BY hour) * interval '1 hour' AS stretch
              FROM unnest(stale) AS u (hour)) AS numbered
        GROUP BY stretch, date_bin('1 day', hour, zero) -- no more than a day at once: its minutes fit the memory
    ) AS s CROSS JOIN LATERAL (
        SELECT date_bin('1 hour', m.bucket, zero), sum(m.mean * m.good) / nullif(sum(m.good), 0)::float8, min(m.min),
               max(m.max), (array_agg(m.last ORDER BY m.bucket DESC) FILTER (WHERE m.good > 0))[1],
               sum(m.count)::bigint, sum(m.good)::bigint
        FROM rollup_minutes(one_channel, s.begins, s.ends) AS m
        GROUP BY 1
    ) AS h;
END $$;

-- Days are those of UTC: 24 hours, whatever the clock of the session does.
CREATE FUNCTION days_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE plpgsql STABLE ROWS 31 AS $$
#variable_conflict use_column
DECLARE
    zero CONSTANT timestamptz := timestamptz '2000-01-03 00:00:00+00';
    stale timestamptz[] := ARRAY(
        SELECT DISTINCT date_bin('1 day', s.hour, zero) FROM stale_rollup_hour s
        WHERE s.channel_id = one_channel AND s.hour >= first AND s.hour < before + interval '24 hours'
          AND date_bin('1 day', s.hour, zero) >= first AND date_bin('1 day', s.hour, zero) < before);
BEGIN
    RETURN QUERY
    SELECT r.bucket, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint
    FROM rollup_1d r
    WHERE r.channel_id = one_channel AND r.bucket >= first AND r.bucket < before
      AND (stale = '{}' OR r.bucket <> ALL (stale));
    RETURN QUERY
    SELECT s.day, sum(h.mean * h.good) / nullif(sum(h.good), 0)::float8, min(h.min), max(h.max),
           (array_agg(h.last ORDER BY h.bucket DESC) FILTER (WHERE h.good > 0))[1], sum(h.count)::bigint, sum(h.good)::bigint
    FROM unnest(stale) AS s (day) CROSS JOIN LATERAL hours_between(one_channel, s.day, s.day + interval '24 hours') AS h
    GROUP BY 1;
END $$;

-- The view cut a day by the clock of the session: where that changed, a day of 23 hours was counted while it was stale.
CREATE OR REPLACE VIEW measurement_1d AS
WITH stale_day AS NOT MATERIALIZED (
    SELECT DISTINCT date_bin('1 day', hour, timestamptz '2000-01-03 00:00:00+00') AS day, channel_id FROM stale_rollup_hour
)
SELECT r.bucket, r.channel_id, r.mean, r.min, r.max, r.last, r.count::bigint AS count, r.good::bigint AS good
FROM rollup_1d r
WHERE NOT EXISTS (SELECT FROM stale_day s WHERE s.channel_id = r.channel_id AND s.day = r.bucket)
UNION ALL
SELECT s.day, s.channel_id, d.mean, d.min, d.max, d.last, d.count, d.good
FROM stale_day s CROSS JOIN LATERAL days_between(s.channel_id, s.day, s.day + interval '24 hours') AS d;
