-- gateway --
-- The rows of a node.
SELECT gateway_id, installation_id
FROM gateway JOIN installation USING (installation_id)
WHERE slug = %(slug)s AND node = %(node)s;

-- births --
-- What a node and one of its devices said of themselves, the newest first.
SELECT device, received_at, payload FROM birth
WHERE gateway_id = %(gateway)s AND device IN ('', %(device)s)
ORDER BY received_at DESC;

-- channels --
-- The channels of a device, with the units in which their measurements are kept.
SELECT channel.key, channel_id, unit
FROM channel JOIN device USING (device_id)
WHERE gateway_id = %(gateway)s AND device.key = %(device)s;

-- newest_births --
-- The last birth of a node ('') and of each of its devices.
SELECT DISTINCT ON (device) device, received_at, payload FROM birth
WHERE gateway_id = %(gateway)s
ORDER BY device, received_at DESC;
