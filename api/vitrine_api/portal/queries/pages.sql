-- What the portal's pages show.

-- installations --
-- Everything of the catalogue, with the newest arrival and the gateways' state.
SELECT installation.installation_id, slug, kind, domain, name, description, organisation, organisation_name,
       municipality, licence, simulated, process, file_sha256, applied_at, created_at,
       (SELECT count(*) FROM channel WHERE channel.installation_id = installation.installation_id) AS channels,
       (SELECT count(*) FROM dataset WHERE dataset.installation_id = installation.installation_id) AS datasets,
       gateway.online, gateway.seen_at, newest.time AS newest_time, newest.received_at, newest.period_s
FROM installation
LEFT JOIN LATERAL (
    SELECT bool_or(online) AS online, max(seen_at) AS seen_at
    FROM gateway WHERE gateway.installation_id = installation.installation_id
) AS gateway ON true
LEFT JOIN LATERAL (
    SELECT max(latest.time) AS time, max(latest.received_at) AS received_at, min(channel.period_s) AS period_s
    FROM latest JOIN channel USING (channel_id) WHERE channel.installation_id = installation.installation_id
) AS newest ON true
WHERE (public OR %(sees_all)s OR (organisation <> '' AND organisation = %(organisation)s)) AND (%(slug)s::text IS NULL OR slug = %(slug)s)
ORDER BY domain, slug;

-- channels --
-- Channels of one installation in the order of their birth, with their last value.
SELECT channel_id, installation_id, device.key AS device, device.profile, device.online AS device_online, channel.key,
       path, name, unit, quantity, decimals, period_s, accuracy, calibration, rules,
       latest.time, latest.value, latest.quality, latest.tests, latest.received_at
FROM channel JOIN device USING (device_id) LEFT JOIN latest USING (channel_id)
WHERE installation_id = %(installation_id)s
ORDER BY device.device_id, channel_id;

-- gateways --
-- State of the gateways of one installation, or of all public ones.
SELECT gateway.*, installation.slug, installation.name, installation.simulated,
       (SELECT min(period_s) FROM channel JOIN device USING (device_id)
        WHERE device.gateway_id = gateway.gateway_id) AS period_s,
       held.held, held.repeated, held.missing, held.first_at,
       coalesce(losses.count, 0) AS losses, coalesce(losses.records, 0) AS lost_records
FROM gateway
JOIN installation USING (installation_id)
LEFT JOIN LATERAL (
    SELECT min(first_at) AS first_at, sum(repeated)::bigint AS repeated,
           sum((SELECT sum(upper(part) - lower(part)) FROM unnest(delivery.held) AS part))::bigint AS held,
           sum((SELECT sum(upper(part) - lower(part))
                FROM unnest(int8multirange(int8range(1, upper(range_merge(delivery.held + delivery.lost))))
                            - delivery.held - delivery.lost) AS part))::bigint AS missing
    FROM delivery WHERE delivery.gateway_id = gateway.gateway_id
) AS held ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS count,
           sum((SELECT sum(upper(part) - lower(part)) FROM unnest(loss.records) AS part))::bigint AS records
    FROM loss WHERE loss.gateway_id = gateway.gateway_id AND loss.reported_at >= %(since)s
) AS losses ON true
WHERE (public OR %(sees_all)s OR (organisation <> '' AND organisation = %(organisation)s)) AND (%(installation_id)s::int IS NULL OR installation_id = %(installation_id)s)
ORDER BY gateway.online, gateway.seen_at NULLS FIRST, slug, node;

-- channels_of_gateways --
-- Which channels each gateway measures, for its graduated rule.
SELECT channel_id, period_s, installation_id, gateway_id FROM channel JOIN device USING (device_id)
WHERE gateway_id = ANY (%(gateways)s);

-- losses --
-- What gateways reported lost, newest first.
SELECT loss_id, node, slug, loss.epoch, records, first_time, last_time, reason, reported_at,
       (SELECT sum(upper(part) - lower(part)) FROM unnest(records) AS part)::bigint AS count
FROM loss JOIN gateway USING (gateway_id) JOIN installation USING (installation_id)
WHERE (public OR %(sees_all)s OR (organisation <> '' AND organisation = %(organisation)s)) AND reported_at >= %(since)s
ORDER BY reported_at DESC LIMIT 50;

-- indicators --
-- Indicators in force of one installation, in the order of its file.
SELECT indicator_id, key, version, name, description, formula, unit, decimals, inputs, parameters, reference
FROM indicator WHERE installation_id = %(installation_id)s AND current ORDER BY position, key;

-- indicator_values --
-- Values of one period since a time.
SELECT indicator_id, bucket, value, coverage FROM indicator_value
WHERE indicator_id = ANY (%(indicators)s) AND period = %(period)s AND bucket >= %(first)s
ORDER BY indicator_id, bucket;

-- datasets --
-- Datasets of one installation, or of all public ones; newest first.
SELECT dataset.*, installation.slug AS installation_slug, installation.name AS installation_name,
       installation.simulated, installation.licence, installation.organisation_name, installation.municipality,
       installation.domain
FROM dataset JOIN installation USING (installation_id)
WHERE (public OR %(sees_all)s OR (organisation <> '' AND organisation = %(organisation)s)) AND (%(installation_id)s::int IS NULL OR installation_id = %(installation_id)s)
  AND (%(slug)s::text IS NULL OR dataset.slug = %(slug)s)
ORDER BY dataset.created_at DESC, dataset_id DESC LIMIT 200;

-- latest_indicators --
-- Last daily value of each indicator in force within a period.
SELECT name, unit, decimals, newest.*
FROM indicator
LEFT JOIN LATERAL (
    SELECT bucket, value, coverage FROM indicator_value
    WHERE indicator_value.indicator_id = indicator.indicator_id AND period = 'day'
      AND bucket >= %(first)s AND bucket < %(last)s AND value IS NOT NULL
    ORDER BY bucket DESC LIMIT 1
) AS newest ON true
WHERE installation_id = %(installation_id)s AND current
ORDER BY position, key;

-- challenge --
-- The newest result of a challenge of one installation.
SELECT seed, made_at, file_sha256, result FROM challenge
WHERE installation_id = %(installation_id)s
ORDER BY made_at DESC LIMIT 1;
