-- What readers of the data must know besides the values.

-- events --
-- Changes of gateways, devices and channels of one installation, in their order.
SELECT e.time, e.kind, g.node, e.device, '' AS channel, '' AS field, e.before, e.after, NULL::text AS file_sha256
FROM event e JOIN gateway g USING (gateway_id)
WHERE g.installation_id = %(installation)s AND e.time >= %(first)s AND e.time < %(last)s
UNION ALL
SELECT h.time, 'channel', g.node, d.key, c.path, h.field, h.before, h.after, h.file_sha256
FROM channel_change h JOIN channel c USING (channel_id) JOIN device d USING (device_id) JOIN gateway g USING (gateway_id)
WHERE c.installation_id = %(installation)s AND h.time >= %(first)s AND h.time < %(last)s
ORDER BY time, kind, node, device, channel, field LIMIT %(most)s;
