-- missing_tables --
-- Tables that the collector needs and this database lacks.
SELECT array_agg(name ORDER BY name)
FROM unnest(ARRAY['installation', 'gateway', 'device', 'channel', 'channel_change', 'measurement', 'latest', 'delivery',
                  'loss', 'time_source', 'rejected', 'rejected_dropped', 'stale_hour', 'unjudged_range', 'collector', 'birth',
                  'central_sensor', 'late_hour', 'event']) AS name
WHERE to_regclass(name) IS NULL;
