-- flags --
-- Values by channel and flag in the period.
SELECT coalesce(nullif(c.name ->> '$language', ''), c.path) AS "$label_channel",
       count(*) FILTER (WHERE m.quality = 1) AS "$flag_1", count(*) FILTER (WHERE m.quality = 2) AS "$flag_2",
       count(*) FILTER (WHERE m.quality = 3) AS "$flag_3", count(*) FILTER (WHERE m.quality = 4) AS "$flag_4",
       count(*) FILTER (WHERE m.quality = 9) AS "$flag_9"
FROM channel c JOIN installation i USING (installation_id)
JOIN measurement m ON m.channel_id = c.channel_id AND $__timeFilter(m.time)
WHERE i.slug = '$installation' AND c.path IN ($channel) GROUP BY c.channel_id ORDER BY 1

-- hours --
-- Values that are not usable, by hour and channel.
SELECT $__timeGroupAlias(m.bucket,'1h'), c.path AS metric, sum(m.count - m.good) AS value
FROM channel c JOIN installation i USING (installation_id)
CROSS JOIN LATERAL hours_between(c.channel_id, $__timeFrom(), $__timeTo()) AS m
WHERE i.slug = '$installation' AND c.path IN ($channel) GROUP BY 1, 2 ORDER BY 1

-- states --
-- Worst flag of each quarter of an hour, by channel.
SELECT $__timeGroupAlias(m.time,'15m'), c.path AS metric,
       CASE max(CASE m.quality WHEN 4 THEN 5 WHEN 9 THEN 4 ELSE m.quality END) WHEN 5 THEN 4 WHEN 4 THEN 9 WHEN 3 THEN 3 WHEN 2 THEN 2 ELSE 1 END AS value
FROM channel c JOIN installation i USING (installation_id)
JOIN measurement m ON m.channel_id = c.channel_id AND $__timeFilter(m.time)
WHERE i.slug = '$installation' AND c.path IN ($channel) GROUP BY 1, 2 ORDER BY 1

-- tests --
-- How often each test was not passed.
SELECT c.path AS "$label_channel", t.name AS "$label_test", count(*) AS "$label_count"
FROM (VALUES (1, 'gross_range'), (2, 'spike'), (4, 'rate_of_change'), (8, 'flat_line'), (16, 'gap'),
             (32, 'sensor_status'), (64, 'sentinel'), (128, 'no_answer'), (256, 'time_uncertain')) AS t (bit, name)
CROSS JOIN channel c JOIN installation i USING (installation_id)
JOIN measurement m ON m.channel_id = c.channel_id AND $__timeFilter(m.time) AND m.tests & t.bit <> 0
WHERE i.slug = '$installation' AND c.path IN ($channel) GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 100

-- changes --
-- What changed in the channels' declarations.
SELECT h.time AS "$label_time", c.path AS "$label_channel", h.field AS "$label_field",
       h.before #>> '{}' AS "$label_before", h.after #>> '{}' AS "$label_after"
FROM channel_change h JOIN channel c USING (channel_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' AND $__timeFilter(h.time) ORDER BY h.time DESC LIMIT 100
