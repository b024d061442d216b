-- add_installation --
-- A bare row for a group that nobody has described yet.
INSERT INTO installation (slug, name) VALUES (%(slug)s, %(name)s) ON CONFLICT (slug) DO NOTHING;

-- register_gateway --
-- A node's birth.
INSERT INTO gateway (installation_id, node, online, bd_seq, epoch, born_at, seen_at, software, file_sha256)
SELECT installation_id, %(node)s, true, %(bd_seq)s, %(epoch)s, %(now)s, %(now)s, %(software)s, %(sha256)s
FROM installation WHERE slug = %(slug)s
ON CONFLICT (installation_id, node) DO UPDATE
SET online = true, bd_seq = excluded.bd_seq, epoch = excluded.epoch, born_at = excluded.born_at,
    seen_at = excluded.seen_at, software = excluded.software, file_sha256 = excluded.file_sha256
RETURNING gateway_id, installation_id;

-- gateway_before --
-- What a node said of itself in its last birth.
SELECT gateway.file_sha256, software, epoch
FROM gateway JOIN installation USING (installation_id)
WHERE slug = %(slug)s AND node = %(node)s;

-- instrument --
-- What a device said of itself in its last birth.
SELECT profile, identity FROM device WHERE gateway_id = %(gateway)s AND key = %(key)s;

-- add_event --
-- Something that readers of the data must know.
INSERT INTO event (gateway_id, device, time, kind, before, after)
VALUES (%(gateway)s, %(device)s, %(time)s, %(kind)s, %(before)s, %(after)s);

-- has_values --
-- Whether a channel holds any value.
SELECT EXISTS (SELECT FROM measurement WHERE channel_id = %(channel)s);

-- channel_of_key --
-- One channel of a device.
SELECT channel_id FROM channel WHERE device_id = %(device)s AND key = %(key)s;

-- rename_channel --
-- What it was called, another is called from now on.
UPDATE channel SET key = %(key)s, path = %(path)s WHERE channel_id = %(channel)s;

-- register_device --
-- A device's birth.
INSERT INTO device (gateway_id, key, profile, identity, online, changed_at)
VALUES (%(gateway)s, %(key)s, %(profile)s, %(identity)s, true, %(now)s)
ON CONFLICT (gateway_id, key) DO UPDATE
SET profile = excluded.profile, identity = excluded.identity, online = true,
    changed_at = CASE WHEN device.online THEN device.changed_at ELSE excluded.changed_at END
RETURNING device_id;

-- channels --
-- A device's channels as they are known.
SELECT channel_id, key, name, unit, quantity, decimals, period_s, accuracy, calibration, rules
FROM channel WHERE device_id = %(device)s;

-- add_channel --
-- A channel that was not known.
INSERT INTO channel (installation_id, device_id, key, path, name, unit, quantity, decimals, period_s, accuracy,
                     calibration, rules)
VALUES (%(installation)s, %(device)s, %(key)s, %(path)s, %(name)s, %(unit)s, %(quantity)s, %(decimals)s, %(period_s)s,
        %(accuracy)s, %(calibration)s, %(rules)s)
RETURNING channel_id;

-- change_channel --
-- What a birth says otherwise than the one before.
UPDATE channel
SET name = %(name)s, unit = %(unit)s, quantity = %(quantity)s, decimals = %(decimals)s, period_s = %(period_s)s,
    accuracy = %(accuracy)s, calibration = %(calibration)s, rules = %(rules)s
WHERE channel_id = %(channel)s;

-- add_change --
-- One difference, for the readers of the data.
INSERT INTO channel_change (channel_id, time, field, before, after, file_sha256)
VALUES (%(channel)s, %(time)s, %(field)s, %(before)s, %(after)s, %(sha256)s);

-- add_birth --
-- The certificate itself; '' stands for the node.
INSERT INTO birth (gateway_id, device, received_at, payload)
VALUES (%(gateway)s, %(device)s, %(now)s, %(payload)s)
ON CONFLICT (gateway_id, device, received_at) DO UPDATE SET payload = excluded.payload;

-- forget_births --
-- Births that others have replaced for more than an hour, but for those by which a refused message can be read.
DELETE FROM birth AS old
USING (SELECT device, received_at, lead(received_at) OVER (PARTITION BY device ORDER BY received_at) AS until
       FROM birth WHERE gateway_id = %(gateway)s) AS span
WHERE old.gateway_id = %(gateway)s AND old.device = span.device AND old.received_at = span.received_at
  AND span.until < %(now)s - interval '1 hour'
  AND NOT EXISTS (SELECT FROM rejected
                  WHERE rejected.received_at >= span.received_at AND rejected.received_at < span.until
                    AND split_part(topic, '/', 2) = %(slug)s AND split_part(topic, '/', 4) = %(node)s);

-- gateway_online --
-- A node that is heard again and was not born anew.
UPDATE gateway SET online = true WHERE gateway_id = %(gateway)s AND NOT online;

-- device_online --
-- One of its devices.
UPDATE device SET online = true, changed_at = now() WHERE gateway_id = %(gateway)s AND key = %(key)s AND NOT online;

-- gateway_offline --
-- A node's death.
UPDATE gateway SET online = false, died_at = %(now)s WHERE gateway_id = %(gateway)s AND online;

-- devices_offline --
-- All devices of a node.
UPDATE device SET online = false, changed_at = %(time)s WHERE gateway_id = %(gateway)s AND online;

-- device_offline --
-- A device's death.
UPDATE device SET online = false, changed_at = %(time)s WHERE gateway_id = %(gateway)s AND key = %(key)s AND online;

-- held_records --
-- The record numbers of a queue, as inclusive ranges.
SELECT lower(part), upper(part) - 1
FROM delivery, unnest(held) AS part
WHERE gateway_id = %(gateway)s AND epoch = %(epoch)s;

-- has_epoch --
-- Whether a node sends its records again until they are acknowledged.
SELECT gateway.epoch IS NOT NULL
FROM gateway JOIN installation USING (installation_id)
WHERE slug = %(slug)s AND node = %(node)s;
