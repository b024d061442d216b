-- Indicators: what is declared, what is stale, what is computed.

-- installations_with_stale_hours --
-- Installations of which an hour that is over waits to be computed again.
SELECT DISTINCT installation_id FROM stale_hour WHERE bucket + interval '1 hour' <= now() ORDER BY installation_id;

-- all_installations --
-- Installations that declare indicators.
SELECT DISTINCT installation_id FROM indicator WHERE current ORDER BY installation_id;

-- installation_of --
-- The installation of a slug.
SELECT installation_id FROM installation WHERE slug = %(slug)s;

-- definitions --
-- Indicators that the file last applied declares, in its order.
SELECT indicator_id, key, version, name, description, formula, unit, decimals, inputs, parameters, reference
FROM indicator WHERE installation_id = %(installation)s AND current ORDER BY position, key;

-- channels --
-- Channels of an installation by their path.
SELECT channel_id, path, unit, coalesce(period_s, 0) AS period_s
FROM channel WHERE installation_id = %(installation)s ORDER BY path;

-- patience --
-- How long the lock below may be waited for.
SET LOCAL lock_timeout = '2s';

-- settle_writers --
-- A writer marks its hours in the transaction of its measurements. This waits for those that found a mark already
-- there and have not committed yet: their measurements must be seen below, as no new mark will tell of them.
LOCK TABLE stale_hour IN SHARE ROW EXCLUSIVE MODE;

-- take_stale_hours --
-- The newest stale hours that are over. The hour that runs stays marked until it has ended.
DELETE FROM stale_hour WHERE installation_id = %(installation)s AND bucket IN (
    SELECT bucket FROM stale_hour
    WHERE installation_id = %(installation)s AND bucket + interval '1 hour' <= now()
    ORDER BY bucket DESC LIMIT %(limit)s)
RETURNING extract(epoch FROM bucket)::bigint / 60 AS minute;

-- running_hour --
-- Start of the hour that runs, in minutes since 1970.
SELECT floor(extract(epoch FROM now()) / 3600)::bigint * 60;

-- minutes --
-- Minutes of channels, rising.
SELECT wanted.channel_id, extract(epoch FROM bucket)::bigint / 60 AS minute, mean, min, max, last, good, count
FROM unnest(%(channels)s::int[]) AS wanted (channel_id)
CROSS JOIN LATERAL minutes_between(wanted.channel_id, %(first)s, %(last)s)
ORDER BY wanted.channel_id, bucket;

-- write_values --
-- Values of one indicator, over those that stood there.
INSERT INTO indicator_value (indicator_id, period, bucket, value, coverage, computed_at)
SELECT %(indicator)s, %(period)s, to_timestamp(minute * 60), value, coverage, now()
FROM unnest(%(minutes)s::bigint[], %(values)s::float8[], %(coverages)s::float8[]) AS row (minute, value, coverage)
ON CONFLICT (indicator_id, period, bucket) DO UPDATE
SET value = excluded.value, coverage = excluded.coverage, computed_at = excluded.computed_at;

-- stale_days --
-- Days that are over and older than one of their hours, or than one of the three hours before them.
WITH hour AS (
    SELECT v.indicator_id, v.bucket, v.computed_at
    FROM indicator_value v JOIN indicator i USING (indicator_id)
    WHERE i.installation_id = %(installation)s AND i.current AND v.period = 'hour' AND v.bucket >= %(since)s
), own AS (
    SELECT date_trunc('day', h.bucket, 'UTC') AS day
    FROM hour h LEFT JOIN indicator_value d
        ON d.indicator_id = h.indicator_id AND d.period = 'day' AND d.bucket = date_trunc('day', h.bucket, 'UTC')
    WHERE d.bucket IS NULL OR d.computed_at < h.computed_at
), next AS (
    SELECT d.bucket AS day
    FROM hour h JOIN indicator_value d
        ON d.indicator_id = h.indicator_id AND d.period = 'day'
        AND d.bucket = date_trunc('day', h.bucket + interval '3 hours', 'UTC')
    WHERE d.computed_at < h.computed_at
)
SELECT extract(epoch FROM day)::bigint / 60 AS minute
FROM (SELECT day FROM own UNION SELECT day FROM next) AS days
WHERE day + interval '1 day' <= now()
ORDER BY minute;

-- mark_new --
-- Every hour with measurements of those among some indicators that have no value at all yet, as after a new version.
INSERT INTO stale_hour (installation_id, bucket)
SELECT DISTINCT i.installation_id, m.bucket
FROM indicator i
JOIN LATERAL jsonb_each_text(i.inputs) AS input ON true
JOIN channel c ON c.installation_id = i.installation_id AND c.path = input.value
CROSS JOIN LATERAL hours_between(c.channel_id, '-infinity', 'infinity') AS m
WHERE i.indicator_id = ANY(%(indicators)s) AND NOT EXISTS (SELECT FROM indicator_value v WHERE v.indicator_id = i.indicator_id)
ON CONFLICT DO NOTHING;

-- mark_all --
-- Every hour with measurements of an installation.
INSERT INTO stale_hour (installation_id, bucket)
SELECT DISTINCT c.installation_id, m.bucket
FROM channel c CROSS JOIN LATERAL hours_between(c.channel_id, '-infinity', 'infinity') AS m
WHERE c.installation_id = %(installation)s
ON CONFLICT DO NOTHING;

-- count_stale --
-- How many hours wait.
SELECT count(*) FROM stale_hour WHERE installation_id = %(installation)s AND bucket + interval '1 hour' <= now();

-- latest_values --
-- The latest values of an indicator.
SELECT bucket, value, coverage FROM indicator_value
WHERE indicator_id = %(indicator)s AND period = %(period)s ORDER BY bucket DESC LIMIT %(limit)s;

-- alone --
-- One recomputation of an installation at a time.
SELECT pg_try_advisory_lock(hashtext('vitrine indicators'), %(installation)s);

-- not_alone --
-- Give way to the next recomputation.
SELECT pg_advisory_unlock(hashtext('vitrine indicators'), %(installation)s);
