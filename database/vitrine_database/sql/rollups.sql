-- Rollups of TimescaleDB Community.

-- refresh_1min --
-- Whole buckets only: the bounds must be those of buckets.
CALL refresh_continuous_aggregate('measurement_1min', %(first)s::timestamptz, %(last)s::timestamptz);

-- refresh_1h --
-- From the minutes.
CALL refresh_continuous_aggregate('measurement_1h', %(first)s::timestamptz, %(last)s::timestamptz);

-- refresh_1d --
-- From the hours.
CALL refresh_continuous_aggregate('measurement_1d', %(first)s::timestamptz, %(last)s::timestamptz);
