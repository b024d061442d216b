-- channels --
-- The channels of an installation, with the time of the oldest live measurement of each.
SELECT c.installation_id, c.path, c.channel_id, c.rules,
       (SELECT min(m.time) FROM measurement m WHERE m.channel_id = c.channel_id) AS first
FROM channel c JOIN installation i USING (installation_id)
WHERE i.slug = %(slug)s;

-- mark_hours --
-- The hours of a period, whose indicators are to be computed.
INSERT INTO stale_hour (installation_id, bucket)
SELECT %(installation_id)s, bucket FROM generate_series(date_trunc('hour', to_timestamp(%(first)s)),
                                                        to_timestamp(%(last)s), interval '1 hour') AS bucket
ON CONFLICT DO NOTHING;
