-- missing_tables --
-- Tables that the collector needs and this database lacks.
SELECT array_agg(name ORDER BY name)
FROM unnest(ARRAY['installation', 'gateway', 'device', 'channel', 'channel_change', 'measurement', 'latest', 'delivery',
                  'loss', 'time_source', 'rejected', 'rejected_dropped', 'stale_hour', 'unjudged_range', 'collector', 'birth',
                  'central_sensor', 'late_hour', 'event']) AS name
WHERE to_regclass(name) IS NULL;

-- missing_rights --
-- Tables in which this user may not write a row, and who it is.
SELECT array_agg(name ORDER BY name), current_user::text
FROM unnest(ARRAY['installation', 'gateway', 'device', 'channel', 'channel_change', 'measurement', 'latest', 'delivery',
                  'loss', 'time_source', 'rejected', 'rejected_dropped', 'stale_hour', 'unjudged_range', 'collector',
                  'birth', 'late_hour', 'event']) AS name
WHERE NOT has_table_privilege(name, 'INSERT') OR NOT has_table_privilege(name, 'SELECT');
