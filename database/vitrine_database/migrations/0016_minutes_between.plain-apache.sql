-- Minutes of one channel from `first` to before `last`, as `measurement_1min` has them. The view computes all that is
-- stale before it looks at what was asked for; this computes the stale hours in between only, which matters while a long
-- history waits for its first refresh.
CREATE FUNCTION minutes_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE plpgsql STABLE ROWS 1440 AS $$
#variable_conflict use_column
DECLARE
    zero CONSTANT timestamptz := timestamptz '2000-01-03 00:00:00+00';
    stale timestamptz[] := ARRAY(
        SELECT hour FROM stale_rollup_hour s
        WHERE s.channel_id = one_channel AND s.hour >= date_bin('1 hour', first, zero) AND s.hour < before);
BEGIN
    RETURN QUERY
    SELECT r.bucket, r.mean, r.min, r.max, r.last, r.count::bigint, r.good::bigint
    FROM rollup_1min r
    WHERE r.channel_id = one_channel AND r.bucket >= first AND r.bucket < before
      AND (stale = '{}' OR date_bin('1 hour', r.bucket, zero) <> ALL (stale));
    RETURN QUERY
    SELECT m.bucket, m.mean, m.min, m.max, m.last, m.count, m.good
    FROM (
        SELECT min(hour) AS begins, max(hour) + interval '1 hour' AS ends
        FROM (SELECT hour, hour - row_number() OVER (ORDER BY hour) * interval '1 hour' AS stretch
              FROM unnest(stale) AS u (hour)) AS numbered
        GROUP BY stretch
    ) AS s CROSS JOIN LATERAL rollup_minutes(one_channel, s.begins, s.ends) AS m
    WHERE m.bucket >= first AND m.bucket < before;
END $$;
