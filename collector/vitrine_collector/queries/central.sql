-- Sensors that publish to the platform's broker.

-- sensors --
-- Every one that a file has declared, with its channels by key.
SELECT s.sensor, s.current, i.slug, i.installation_id, g.gateway_id, d.device_id,
       (SELECT jsonb_object_agg(c.key, c.channel_id) FROM channel c WHERE c.device_id = d.device_id) AS channels
FROM central_sensor s JOIN device d USING (device_id) JOIN gateway g USING (gateway_id)
JOIN installation i USING (installation_id)
ORDER BY i.slug, d.key;

-- note_presence --
-- Whether a sensor is there, as it says itself or as its messages show.
UPDATE device SET online = %(online)s, changed_at = now() WHERE device_id = %(device)s AND online <> %(online)s;

-- note_broker --
-- The platform's broker is heard on behalf of these installations.
UPDATE gateway SET online = %(online)s WHERE node = '+broker' AND online <> %(online)s;
