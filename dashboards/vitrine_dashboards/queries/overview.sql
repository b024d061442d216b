-- age --
-- Seconds since the last measurement that has a value.
SELECT extract(epoch FROM now() - max(l.time)) AS "s"
FROM latest l JOIN channel c USING (channel_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' AND l.quality <> 9

-- good --
-- Share of usable values in the period.
SELECT sum(m.good)::float8 / nullif(sum(m.count), 0) AS "good"
FROM channel c JOIN installation i USING (installation_id)
CROSS JOIN LATERAL hours_between(c.channel_id, $__timeFrom(), $__timeTo()) AS m
WHERE i.slug = '$installation'

-- channels --
-- Number of channels.
SELECT count(*) AS "n" FROM channel c JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- waiting --
-- Records that wait on the gateways' disks.
SELECT sum(g.queue_depth) AS "n" FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- latest --
-- Last value of each channel.
SELECT coalesce(nullif(c.name ->> '$language', ''), c.path) AS "$label_channel",
       round(l.value::numeric, c.decimals) AS "$label_value", c.unit AS "$label_unit",
       CASE l.quality WHEN 1 THEN '$flag_1' WHEN 2 THEN '$flag_2' WHEN 3 THEN '$flag_3' WHEN 4 THEN '$flag_4' ELSE '$flag_9' END
           AS "$label_quality",
       l.time AS "$label_time"
FROM latest l JOIN channel c USING (channel_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' ORDER BY c.path

-- indicator --
-- Hourly values of one indicator; hours without enough coverage stay empty.
SELECT $__timeGroupAlias(v.bucket,'1h',NULL), n.unit AS metric, avg(v.value) AS value
FROM indicator_value v JOIN indicator n USING (indicator_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' AND n.key IN ($indicator) AND n.current AND v.period = 'hour' AND $__timeFilter(v.bucket)
GROUP BY 1, 2 ORDER BY 1

-- curve --
-- Mean of the usable values of one channel; gaps stay gaps.
SELECT $__timeGroupAlias(rolled.bucket,$__interval,NULL), c.unit AS metric,
       sum(rolled.mean * rolled.good) / nullif(sum(rolled.good), 0) AS value
FROM channel c JOIN installation i USING (installation_id)
CROSS JOIN LATERAL (
    SELECT m.bucket, m.mean, m.good FROM minutes_between(c.channel_id, $__timeFrom(), $__timeTo()) AS m
    WHERE $__interval_ms < 3600000
    UNION ALL
    SELECT m.bucket, m.mean, m.good FROM hours_between(c.channel_id, $__timeFrom(), $__timeTo()) AS m
    WHERE $__interval_ms >= 3600000
) AS rolled
WHERE i.slug = '$installation' AND c.path IN ($channel)
GROUP BY 1, 2 ORDER BY 1
