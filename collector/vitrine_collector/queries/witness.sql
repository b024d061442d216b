-- taken_last --
-- The value that was taken last, of another channel than these where there is one.
SELECT gateway_id, channel.installation_id, channel_id, latest.value
FROM latest JOIN channel USING (channel_id) JOIN device USING (device_id)
ORDER BY channel_id = ANY(%(channels)s::int[]), latest.received_at DESC
LIMIT 1;
