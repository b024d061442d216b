-- installations --
-- What is demonstrated where, as far as the visitor may see it.
SELECT i.slug, i.kind, i.domain, i.name, i.description, i.organisation, i.organisation_name, i.municipality,
       i.latitude, i.longitude, i.licence, i.simulated, i.public, i.file_sha256, i.applied_at,
       (SELECT count(*) FROM channel c WHERE c.installation_id = i.installation_id) AS channels,
       (SELECT max(l.time) FROM latest l JOIN channel c USING (channel_id)
         WHERE c.installation_id = i.installation_id) AS last_time
  FROM installation i
 WHERE (i.public OR %(sees_all)s OR (i.organisation <> '' AND i.organisation = %(organisation)s))
   AND (%(kind)s::text IS NULL OR i.kind = %(kind)s)
   AND (%(domain)s::text IS NULL OR i.domain = %(domain)s)
   AND (%(slug)s::text IS NULL OR i.slug = %(slug)s)
 ORDER BY i.slug

-- installation_id --
-- Number of one installation that the visitor may see.
SELECT i.installation_id, i.organisation FROM installation i
 WHERE i.slug = %(slug)s
   AND (i.public OR %(sees_all)s OR (i.organisation <> '' AND i.organisation = %(organisation)s))

-- channels --
-- The channels of one installation, or one channel by its number.
SELECT c.channel_id, i.slug AS installation, g.node AS gateway, d.key AS device, d.profile, c.key, c.path, c.name,
       c.unit, c.quantity, c.decimals, c.period_s, c.accuracy, c.calibration, c.rules
  FROM channel c
  JOIN installation i USING (installation_id)
  JOIN device d USING (device_id)
  JOIN gateway g USING (gateway_id)
 WHERE (%(installation_id)s::int IS NULL OR c.installation_id = %(installation_id)s)
   AND (%(channel_id)s::int IS NULL OR c.channel_id = %(channel_id)s)
   AND (i.public OR %(sees_all)s OR (i.organisation <> '' AND i.organisation = %(organisation)s))
 ORDER BY c.channel_id

-- latest --
-- The last value of each channel of one installation.
SELECT c.channel_id, c.path, c.unit, c.decimals, c.period_s, l.time, l.value, l.quality, l.tests, l.received_at
  FROM latest l JOIN channel c USING (channel_id)
 WHERE c.installation_id = %(installation_id)s
 ORDER BY c.channel_id

-- gateways --
-- State of each gateway of one installation, and the records that it still owes or reported lost.
-- A hole is a number below the highest held that is neither held nor lost.
SELECT g.node, g.online, g.born_at, g.died_at, g.seen_at, g.software, g.file_sha256, g.queue_depth, g.queue_bytes,
       g.oldest_unsent_s, g.clock_source, g.clock_offset_ms, g.devices_failing, g.epoch,
       y.held::text AS held, y.lost::text AS lost, y.repeated,
       (int8multirange(int8range(1, greatest(upper(y.held), upper(y.lost)))) - y.held - y.lost)::text AS missing,
       (SELECT jsonb_agg(jsonb_build_object('key', d.key, 'profile', d.profile, 'online', d.online,
                                            'changed_at', d.changed_at,
                                            'health', g.devices_health -> d.key) ORDER BY d.key)
          FROM device d WHERE d.gateway_id = g.gateway_id) AS devices,
       (SELECT jsonb_agg(jsonb_build_object('records', x.records::text, 'first_time', x.first_time,
                                            'last_time', x.last_time, 'reason', x.reason,
                                            'reported_at', x.reported_at) ORDER BY x.reported_at DESC)
          FROM (SELECT * FROM loss o WHERE o.gateway_id = g.gateway_id
                 ORDER BY o.reported_at DESC LIMIT 100) x) AS losses
  FROM gateway g LEFT JOIN delivery y ON y.gateway_id = g.gateway_id AND y.epoch = g.epoch
 WHERE g.installation_id = %(installation_id)s
 ORDER BY g.node

-- completeness --
-- Per channel and UTC day: minutes with at least one good value, minutes with any, minutes that had to have one.
-- A channel that is read less often than once a minute has as many slots as it has periods.
WITH day AS (
    SELECT generate_series(%(first)s::timestamptz, %(last)s::timestamptz - interval '1 day', interval '1 day') AS day
), seen AS (
    SELECT c.channel_id, date_trunc('day', m.bucket) AS day,
           count(*) FILTER (WHERE m.good > 0) AS good, count(*) AS any
      FROM channel c CROSS JOIN LATERAL minutes_between(c.channel_id, %(first)s, %(last)s) AS m
     WHERE c.installation_id = %(installation_id)s
     GROUP BY 1, 2
)
SELECT c.path, day.day::date AS day, coalesce(s.good, 0) AS good, coalesce(s.any, 0) AS received,
       ceil(extract(epoch FROM least(day.day + interval '1 day', now()) - day.day)
            / greatest(60, coalesce(c.period_s, 60)))::bigint AS expected
  FROM channel c CROSS JOIN day LEFT JOIN seen s ON s.channel_id = c.channel_id AND s.day = day.day
 WHERE c.installation_id = %(installation_id)s AND day.day < now()
 ORDER BY c.channel_id, day.day

-- indicators --
-- The indicators that the installation file now declares.
SELECT indicator_id, key, version, name, description, formula, unit, decimals, inputs, parameters, reference
  FROM indicator WHERE installation_id = %(installation_id)s AND current ORDER BY position, key

-- indicator_values --
-- The values of one indicator in a period of time.
SELECT bucket AS time, value, coverage, computed_at FROM indicator_value
 WHERE indicator_id = %(indicator_id)s AND period = %(period)s AND bucket >= %(first)s AND bucket < %(last)s
 ORDER BY bucket
