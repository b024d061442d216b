-- Hours and days of one channel whose beginnings lie from `first` to before `before`, as `measurement_1h` and
-- `measurement_1d` have them. TimescaleDB looks at what was asked for by itself; the functions give all editions one name.
CREATE FUNCTION hours_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE sql STABLE ROWS 168 AS $$
    SELECT m.bucket, m.mean, m.min, m.max, m.last, m.count, m.good
    FROM measurement_1h m
    WHERE m.channel_id = one_channel AND m.bucket >= first AND m.bucket < before
$$;

CREATE FUNCTION days_between(one_channel int, first timestamptz, before timestamptz)
RETURNS TABLE (bucket timestamptz, mean float8, min float8, max float8, last float8, count bigint, good bigint)
LANGUAGE sql STABLE ROWS 31 AS $$
    SELECT m.bucket, m.mean, m.min, m.max, m.last, m.count, m.good
    FROM measurement_1d m
    WHERE m.channel_id = one_channel AND m.bucket >= first AND m.bucket < before
$$;
