-- transaction_id --
-- Names this transaction, so that its fate can be asked for when its commit is not answered.
SELECT pg_current_xact_id()::text;

-- transaction_status --
-- What became of it.
SELECT pg_xact_status(%(id)s::xid8);

-- update_latest --
-- The last value of each channel; late data never move it back.
INSERT INTO latest (channel_id, time, value, quality, tests, received_at)
SELECT batch.channel_id, timestamptz 'epoch' + batch.time_us * interval '1 microsecond', nullif(batch.value, 'NaN'), batch.quality,
       batch.tests, timestamptz 'epoch' + %(received)s * interval '1 microsecond'
FROM unnest(%(channels)s::int[], %(times)s::bigint[], %(values)s::float8[], %(qualities)s::smallint[],
            %(tests)s::smallint[]) AS batch (channel_id, time_us, value, quality, tests)
ORDER BY batch.channel_id
ON CONFLICT (channel_id) DO UPDATE
SET time = excluded.time, value = excluded.value, quality = excluded.quality, tests = excluded.tests,
    received_at = excluded.received_at
WHERE latest.time < excluded.time;

-- add_stale_hours --
-- Touches hours that are noted already: their computation then waits for this transaction's measurements.
INSERT INTO stale_hour (installation_id, bucket)
SELECT batch.installation_id, timestamptz 'epoch' + batch.hour * interval '1 hour'
FROM unnest(%(installations)s::int[], %(hours)s::bigint[]) AS batch (installation_id, hour)
ORDER BY batch.installation_id, batch.hour
ON CONFLICT (installation_id, bucket) DO UPDATE SET bucket = excluded.bucket;

-- add_late --
-- Values that came late or were dated afterwards.
INSERT INTO late_hour (channel_id, bucket, late, restamped)
SELECT batch.channel_id, timestamptz 'epoch' + batch.hour * interval '1 hour', batch.late, batch.restamped
FROM unnest(%(channels)s::int[], %(hours)s::bigint[], %(late)s::bigint[], %(restamped)s::bigint[])
     AS batch (channel_id, hour, late, restamped)
ORDER BY batch.channel_id, batch.hour
ON CONFLICT (channel_id, bucket) DO UPDATE
SET late = late_hour.late + excluded.late, restamped = late_hour.restamped + excluded.restamped;

-- add_delivery --
-- Which records of each queue are held, and which its gateway had to drop.
INSERT INTO delivery (gateway_id, epoch, held, lost, repeated)
SELECT batch.gateway_id, batch.epoch, batch.held::int8multirange, batch.lost::int8multirange, batch.repeated
FROM unnest(%(gateways)s::int[], %(epochs)s::uuid[], %(held)s::text[], %(lost)s::text[], %(repeated)s::bigint[])
     AS batch (gateway_id, epoch, held, lost, repeated)
ORDER BY batch.gateway_id, batch.epoch
ON CONFLICT (gateway_id, epoch) DO UPDATE
SET held = delivery.held + excluded.held, lost = delivery.lost + excluded.lost,
    repeated = delivery.repeated + excluded.repeated, last_at = now();

-- add_time_source --
-- Where the time of each queue's records came from.
INSERT INTO time_source (gateway_id, epoch, source, records)
SELECT batch.gateway_id, batch.epoch, batch.source, batch.records::int8multirange
FROM unnest(%(gateways)s::int[], %(epochs)s::uuid[], %(sources)s::text[], %(records)s::text[])
     AS batch (gateway_id, epoch, source, records)
ORDER BY batch.gateway_id, batch.epoch, batch.source
ON CONFLICT (gateway_id, epoch, source) DO UPDATE SET records = time_source.records + excluded.records;

-- add_loss --
-- One report of lost records.
INSERT INTO loss (gateway_id, epoch, records, first_time, last_time, reason, statistics)
VALUES (%(gateway)s, %(epoch)s, %(records)s::int8multirange,
        timestamptz 'epoch' + %(first)s * interval '1 millisecond',
        timestamptz 'epoch' + %(last)s * interval '1 millisecond', %(reason)s, %(statistics)s);

-- update_health --
-- What a gateway says of itself; what it does not mention stays.
UPDATE gateway AS held
SET (queue_depth, queue_bytes, oldest_unsent_s, clock_source, clock_offset_ms, devices_failing, devices_health) = (
    SELECT said.queue_depth, said.queue_bytes, said.oldest_unsent_s, said.clock_source, said.clock_offset_ms,
           said.devices_failing, said.devices_health
    FROM jsonb_populate_record(held, %(health)s) AS said)
WHERE gateway_id = %(gateway)s;

-- update_seen --
-- When each gateway was last heard.
WITH batch AS (
    SELECT * FROM unnest(%(gateways)s::int[], %(seen)s::timestamptz[]) AS batch (gateway_id, seen)
), locked AS (
    SELECT gateway_id FROM gateway WHERE gateway_id = ANY(%(gateways)s) ORDER BY gateway_id FOR NO KEY UPDATE
)
UPDATE gateway SET seen_at = greatest(seen_at, batch.seen)
FROM batch JOIN locked USING (gateway_id)
WHERE gateway.gateway_id = batch.gateway_id;

-- add_rejected --
-- A message that cannot be used, and why.
INSERT INTO rejected (received_at, topic, payload, code, reason)
VALUES (%(received)s, %(topic)s, %(payload)s, %(code)s, %(reason)s);

-- drop_rejected --
-- Keep the newest refused messages, and count the others by their code.
WITH gone AS (
    DELETE FROM rejected WHERE rejected_id <= (SELECT max(rejected_id) FROM rejected) - %(most)s
    RETURNING code, received_at)
INSERT INTO rejected_dropped AS d (code, messages, first_at, last_at)
SELECT code, count(*), min(received_at), max(received_at) FROM gone GROUP BY code ORDER BY code
ON CONFLICT (code) DO UPDATE SET messages = d.messages + excluded.messages,
    first_at = least(d.first_at, excluded.first_at), last_at = greatest(d.last_at, excluded.last_at);
