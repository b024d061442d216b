-- Which collectors are at work.

-- beat --
-- Say that this one is.
INSERT INTO collector (collector_id, host) VALUES (%(id)s, %(host)s)
ON CONFLICT (collector_id) DO UPDATE SET seen_at = now();

-- bury --
-- Forget those that have been silent for long.
DELETE FROM collector WHERE seen_at < now() - interval '1 day';

-- alive --
-- Those that were heard of late.
SELECT collector_id FROM collector WHERE seen_at > now() - %(silence_s)s * interval '1 second' ORDER BY collector_id;

-- leave --
-- This one ends.
DELETE FROM collector WHERE collector_id = %(id)s;

-- online --
-- Nodes that are said to be there.
SELECT i.slug, g.node, g.gateway_id FROM gateway g JOIN installation i USING (installation_id) WHERE g.online AND g.node <> '+broker';

-- offline --
-- Until they are born again, these are not known to be there.
UPDATE gateway SET online = false WHERE gateway_id = ANY(%(gateways)s) AND online;
