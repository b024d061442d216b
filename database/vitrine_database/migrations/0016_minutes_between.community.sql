-- Minutes of one channel from `first` to before `last`, as `measurement_1min` has them. TimescaleDB looks at what was
-- asked for by itself; the function gives all editions one name.
CREATE FUNCTION minutes_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE sql STABLE ROWS 1440 AS $$
    SELECT m.bucket, m.mean, m.min, m.max, m.last, m.count, m.good
    FROM measurement_1min m
    WHERE m.channel_id = one_channel AND m.bucket >= first AND m.bucket < before
$$;
