-- What is missing, per channel and per gateway, and what is known of the reason.

-- installation --
-- Whether there is an installation of this slug.
SELECT installation_id FROM installation WHERE slug = %(slug)s;

-- channels --
-- What each channel held in the period, beside what its cadence lets expect since its first value.
SELECT c.path, g.node, c.period_s, count(m.time) AS received, count(m.time) FILTER (WHERE m.quality = 9) AS empty,
       min(m.time) AS first_value, max(m.time) AS last_value,
       (SELECT coalesce(sum(l.late), 0)::bigint FROM late_hour l
        WHERE l.channel_id = c.channel_id AND l.bucket >= date_trunc('hour', %(first)s::timestamptz, 'UTC')
          AND l.bucket < %(last)s) AS late,
       (SELECT coalesce(sum(l.restamped), 0)::bigint FROM late_hour l
        WHERE l.channel_id = c.channel_id AND l.bucket >= date_trunc('hour', %(first)s::timestamptz, 'UTC')
          AND l.bucket < %(last)s) AS restamped
FROM channel c JOIN device d USING (device_id) JOIN gateway g USING (gateway_id)
LEFT JOIN measurement m ON m.channel_id = c.channel_id AND m.time >= %(first)s AND m.time < %(last)s
WHERE c.installation_id = %(installation)s
GROUP BY c.channel_id, g.node ORDER BY c.path;

-- silences --
-- Stretches without any row, longer than two and a half periods; the ends of the period count where values lie outside,
-- or lay until they were dropped. What retention dropped stands apart from what else is not there.
WITH seen AS (
    SELECT m.channel_id, m.time, lag(m.time) OVER (PARTITION BY m.channel_id ORDER BY m.time) AS before
    FROM channel c JOIN measurement m USING (channel_id)
    WHERE c.installation_id = %(installation)s AND m.time >= %(first)s AND m.time < %(last)s
), ends AS (
    SELECT c.channel_id, x.days, min(s.time) AS head, max(s.time) AS tail,
           EXISTS (SELECT FROM measurement m WHERE m.channel_id = c.channel_id AND m.time < %(first)s) AS earlier,
           greatest(%(first)s::timestamptz, least(c.created_at, lower(x.days))) AS known
    FROM channel c LEFT JOIN dropped_days x USING (channel_id) LEFT JOIN seen s USING (channel_id)
    WHERE c.installation_id = %(installation)s GROUP BY c.channel_id, x.days
), silence AS (
    SELECT channel_id, before AS first_time, time AS last_time FROM seen WHERE before IS NOT NULL
    UNION ALL
    SELECT channel_id, CASE WHEN earlier THEN %(first)s ELSE greatest(%(first)s, lower(days)) END, head FROM ends
    WHERE head IS NOT NULL AND (earlier OR lower(days) < head)
    UNION ALL
    SELECT channel_id, coalesce(tail, known), %(last)s::timestamptz FROM ends
), stretch AS (
    SELECT channel_id, tstzmultirange(tstzrange(first_time, greatest(first_time, last_time))) AS whole,
           coalesce(x.days, '{}') AS days
    FROM silence LEFT JOIN dropped_days x USING (channel_id)
), part AS (
    SELECT channel_id, lower(one) AS first_time, upper(one) AS last_time, false AS dropped
    FROM stretch CROSS JOIN LATERAL unnest(whole - days) AS one
    UNION ALL
    SELECT channel_id, lower(one), upper(one), true
    FROM stretch CROSS JOIN LATERAL unnest(whole * days) AS one
)
SELECT c.path, p.first_time, p.last_time,
       extract(epoch FROM p.last_time - p.first_time)::float8 AS seconds,
       greatest(1, round(extract(epoch FROM p.last_time - p.first_time) / c.period_s) - (NOT p.dropped)::int)::bigint AS expected,
       p.dropped,
       (SELECT l.reason FROM loss l
        WHERE l.gateway_id = d.gateway_id AND l.first_time <= p.last_time AND l.last_time >= p.first_time
        ORDER BY l.reported_at LIMIT 1) AS lost,
       EXISTS (SELECT FROM delivery y
               WHERE y.gateway_id = d.gateway_id AND y.last_at >= p.first_time
                 AND NOT isempty(int8multirange(int8range(1, upper(y.held + y.lost))) - y.held - y.lost)) AS awaited
FROM part p JOIN channel c USING (channel_id) JOIN device d USING (device_id)
WHERE c.period_s > 0 AND p.last_time - p.first_time > 2.5 * c.period_s * interval '1 second'
ORDER BY p.first_time, c.path LIMIT %(most)s;

-- queues --
-- Records of each gateway's queues: held, lost by report, not there yet, repeated, dated afterwards.
SELECT g.node, d.epoch::text AS epoch, d.held::text AS held, d.lost::text AS lost,
       (int8multirange(int8range(1, upper(d.held + d.lost))) - d.held - d.lost)::text AS awaited, d.repeated,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM unnest(d.held) AS r) AS held_count,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint FROM unnest(d.lost) AS r) AS lost_count,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint
        FROM unnest(int8multirange(int8range(1, upper(d.held + d.lost))) - d.held - d.lost) AS r) AS awaited_count,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint
        FROM time_source t, unnest(t.records) AS r
        WHERE t.gateway_id = d.gateway_id AND t.epoch = d.epoch AND t.source = 'restamped') AS restamped,
       (SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint
        FROM time_source t, unnest(t.records) AS r
        WHERE t.gateway_id = d.gateway_id AND t.epoch = d.epoch AND t.source = 'uncertain') AS uncertain
FROM delivery d JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND d.first_at < %(last)s AND d.last_at >= %(first)s
ORDER BY g.node, d.first_at, d.epoch;

-- losses --
-- What gateways reported lost.
SELECT g.node, l.epoch::text AS epoch, l.records::text AS records, l.first_time, l.last_time, l.reason, l.reported_at
FROM loss l JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND l.first_time < %(last)s AND l.last_time >= %(first)s
ORDER BY l.first_time, l.loss_id LIMIT %(most)s;
