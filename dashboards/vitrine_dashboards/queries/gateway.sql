-- online --
-- 1 when every gateway of the installation is online.
SELECT coalesce(bool_and(g.online), false)::int AS "online"
FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- queue --
-- Records that wait on disk.
SELECT sum(g.queue_depth) AS "n" FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- oldest --
-- Age of the oldest record that waits.
SELECT max(g.oldest_unsent_s) AS "s" FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- clock --
-- Largest clock offset that a gateway knows of.
SELECT max(abs(g.clock_offset_ms)) AS "ms" FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation'

-- arrivals --
-- Values by time and channel, whatever their flag.
SELECT $__timeGroupAlias(m.bucket,'1h'), c.path AS metric, sum(m.count) AS value
FROM channel c JOIN installation i USING (installation_id)
CROSS JOIN LATERAL hours_between(c.channel_id, $__timeFrom(), $__timeTo()) AS m
WHERE i.slug = '$installation' GROUP BY 1, 2 ORDER BY 1

-- gateways --
-- State of each gateway.
SELECT g.node AS "$label_node", CASE WHEN g.online THEN '$state_1' ELSE '$state_0' END AS "$label_state",
       g.seen_at AS "$label_seen", g.queue_depth AS "$label_queue", g.clock_source AS "$label_clock",
       g.software AS "$label_software", left(g.file_sha256, 12) AS "$label_configuration"
FROM gateway g JOIN installation i USING (installation_id) WHERE i.slug = '$installation' ORDER BY g.node

-- delivery --
-- Records held, still missing (holes in their numbers) and lost, by gateway and queue.
SELECT g.node AS "$label_node", d.epoch::text AS "$label_epoch",
       (SELECT sum(upper(r) - lower(r)) FROM unnest(d.held) AS r) AS "$label_held",
       (SELECT sum(upper(r) - lower(r)) FROM unnest(int8multirange(int8range(1, upper(d.held))) - d.held - d.lost) AS r)
           AS "$label_missing",
       (SELECT sum(upper(r) - lower(r)) FROM unnest(d.lost) AS r) AS "$label_lost", d.repeated AS "$label_repeated"
FROM delivery d JOIN gateway g USING (gateway_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' ORDER BY d.last_at DESC

-- losses --
-- What gateways reported lost.
SELECT l.first_time AS "$label_from", l.last_time AS "$label_to", g.node AS "$label_node", l.reason AS "$label_reason"
FROM loss l JOIN gateway g USING (gateway_id) JOIN installation i USING (installation_id)
WHERE i.slug = '$installation' AND l.last_time >= $__timeFrom() AND l.first_time <= $__timeTo() ORDER BY l.first_time DESC

-- rejected --
-- Messages of this installation that could not be used.
SELECT r.received_at AS "$label_time", r.topic AS "$label_topic", r.code AS "$label_code", r.reason AS "$label_reason"
FROM rejected r WHERE r.topic LIKE 'spBv1.0/$installation/%' AND $__timeFilter(r.received_at)
ORDER BY r.received_at DESC LIMIT 100
