-- Tests that look at a value's neighbours, after the values are written.

-- add_ranges --
-- Stretches of new values of channels whose rules look at neighbours.
INSERT INTO unjudged_range (channel_id, first_time, last_time)
SELECT batch.channel_id, timestamptz 'epoch' + batch.first_us * interval '1 microsecond',
       timestamptz 'epoch' + batch.last_us * interval '1 microsecond'
FROM unnest(%(channels)s::int[], %(firsts)s::bigint[], %(lasts)s::bigint[]) AS batch (channel_id, first_us, last_us)
JOIN channel USING (channel_id)
WHERE channel.rules ?| ARRAY['spike_suspect', 'rate_of_change_suspect', 'flat_line_suspect_s'];

-- alone --
-- One judge at a time, however many collectors there are.
SELECT pg_try_advisory_xact_lock(hashtext('vitrine series quality'));

-- waiting --
-- Channels with new values, those that wait longest first.
SELECT channel_id FROM unjudged_range GROUP BY channel_id ORDER BY min(unjudged_range_id);

-- take_ranges --
-- The stretches of one channel, taken by whoever judges them.
DELETE FROM unjudged_range WHERE channel_id = %(channel)s
RETURNING (extract(epoch FROM first_time) * 1000000)::bigint AS first_us,
          (extract(epoch FROM last_time) * 1000000)::bigint AS last_us;

-- channel --
-- The rules of a channel, and where it belongs.
SELECT rules, installation_id FROM channel WHERE channel_id = %(channel)s;

-- before --
-- The times of the last two values before an instant.
SELECT (extract(epoch FROM time) * 1000000)::bigint FROM measurement
WHERE channel_id = %(channel)s AND time < timestamptz 'epoch' + %(time_us)s * interval '1 microsecond'
ORDER BY time DESC LIMIT 2;

-- after --
-- The times of the first two values after an instant.
SELECT (extract(epoch FROM time) * 1000000)::bigint FROM measurement
WHERE channel_id = %(channel)s AND time > timestamptz 'epoch' + %(time_us)s * interval '1 microsecond'
ORDER BY time LIMIT 2;

-- values --
-- A stretch of a channel, both ends included.
SELECT (extract(epoch FROM time) * 1000000)::bigint, coalesce(value, 'NaN'), quality, tests FROM measurement
WHERE channel_id = %(channel)s AND time >= timestamptz 'epoch' + %(first_us)s * interval '1 microsecond'
  AND time <= timestamptz 'epoch' + %(last_us)s * interval '1 microsecond'
ORDER BY time;

-- judge --
-- New flags, but for values that a person has judged.
WITH changed AS (
    SELECT timestamptz 'epoch' + time_us * interval '1 microsecond' AS time, quality, tests
    FROM unnest(%(times)s::bigint[], %(qualities)s::smallint[], %(tests)s::smallint[]) AS new (time_us, quality, tests))
UPDATE measurement m SET quality = changed.quality, tests = changed.tests
FROM changed
WHERE m.channel_id = %(channel)s AND m.time = changed.time
  AND m.time >= timestamptz 'epoch' + %(first_us)s * interval '1 microsecond'
  AND m.time <= timestamptz 'epoch' + %(last_us)s * interval '1 microsecond'
  AND NOT EXISTS (
    SELECT FROM quality_change c
    WHERE c.channel_id = m.channel_id AND c.time = m.time AND c.changed_by <> 'collector');

-- add_changes --
-- Why a value that was judged before is judged otherwise now.
INSERT INTO quality_change (time, channel_id, quality_before, quality_after, tests_before, tests_after, reason, changed_by)
SELECT timestamptz 'epoch' + c.time_us * interval '1 microsecond', %(channel)s, c.quality_before, c.quality_after,
       c.tests_before, c.tests_after, 'neighbours arrived', 'collector'
FROM unnest(%(times)s::bigint[], %(qualities_before)s::smallint[], %(qualities)s::smallint[],
            %(tests_before)s::smallint[], %(tests)s::smallint[])
     AS c (time_us, quality_before, quality_after, tests_before, tests_after)
WHERE NOT EXISTS (
    SELECT FROM quality_change o
    WHERE o.channel_id = %(channel)s AND o.time = timestamptz 'epoch' + c.time_us * interval '1 microsecond'
      AND o.changed_by <> 'collector');

-- judge_latest --
-- The last value of the channel shows the same flag.
UPDATE latest l SET quality = m.quality, tests = m.tests
FROM measurement m
WHERE l.channel_id = %(channel)s AND m.channel_id = l.channel_id AND m.time = l.time
  AND (l.quality, l.tests) IS DISTINCT FROM (m.quality, m.tests);

-- add_stale_hours --
-- Hours whose indicators hold values that are judged otherwise now.
INSERT INTO stale_hour (installation_id, bucket)
SELECT %(installation)s, timestamptz 'epoch' + hour * interval '1 hour' FROM unnest(%(hours)s::bigint[]) AS hour
ORDER BY hour
ON CONFLICT (installation_id, bucket) DO UPDATE SET bucket = excluded.bucket;
