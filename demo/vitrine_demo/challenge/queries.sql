-- What a challenge reads back, and where its result is kept.

-- channels --
-- Channels of one installation.
SELECT d.key || '/' || c.key, c.channel_id
FROM channel c JOIN device d USING (device_id) JOIN installation i ON i.installation_id = c.installation_id
WHERE i.slug = %(slug)s
ORDER BY 1;

-- flags --
-- Everything that is held of one channel.
SELECT extract(epoch FROM time)::float8, coalesce(value, 'NaN'), quality, tests FROM measurement
WHERE channel_id = %(channel)s ORDER BY time;

-- keep --
-- One result of a file and seed.
INSERT INTO challenge (installation_id, file_sha256, seed, result)
SELECT installation_id, %(file_sha256)s, %(seed)s, %(result)s::jsonb FROM installation WHERE slug = %(slug)s
ON CONFLICT (installation_id, file_sha256, seed) DO UPDATE SET result = excluded.result, made_at = now()
RETURNING installation_id;
