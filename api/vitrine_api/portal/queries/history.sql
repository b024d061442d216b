-- Measurements gathered in slots of time. A slot consists of steps; `parts` counts the steps with a usable value.

-- slots_from_measurements --
-- For short windows: one walk along the index (channel_id, time) a channel.
-- A slot has at most 60 steps, so the steps with a usable value fit into the bits of one number.
SELECT wanted.channel_id, gathered.*
FROM unnest(%(channels)s::int[]) AS wanted (channel_id)
CROSS JOIN LATERAL (
    SELECT date_bin(%(slot)s, time, %(first)s) AS start,
           avg(value) FILTER (WHERE quality <= 2) AS mean,
           min(value) FILTER (WHERE quality <= 2) AS low,
           max(value) FILTER (WHERE quality <= 2) AS high,
           count(*) FILTER (WHERE quality = 1) AS evaluated,
           count(*) FILTER (WHERE quality = 2) AS unevaluated,
           count(*) FILTER (WHERE quality = 3) AS suspect,
           count(*) FILTER (WHERE quality = 4) AS fail,
           count(*) FILTER (WHERE quality = 9) AS missing,
           avg(value) FILTER (WHERE quality = 3) AS suspect_mean,
           max(value) FILTER (WHERE quality = 4) AS fail_value,
           coalesce(bit_count(bit_or(
               1::int8 << (floor(date_part('epoch', time) / %(step_s)s)::int8 %% %(steps)s)::int
           ) FILTER (WHERE quality <= 2)::bit(64)), 0) AS parts
    FROM measurement
    WHERE channel_id = wanted.channel_id AND time >= %(first)s AND time < %(last)s
    GROUP BY 1
) AS gathered
ORDER BY 1, 2;

-- slots_from_rollups --
-- For longer windows: usable values from the minutes, the few others from measurement, which has an index of them.
-- A rollup does not tell flag 1 from flag 2: a channel with rules has evaluated values, one without has none.
SELECT wanted.channel_id, gathered.*
FROM unnest(%(channels)s::int[]) AS wanted (channel_id)
JOIN channel USING (channel_id)
CROSS JOIN LATERAL (
    SELECT start, sum(total) / nullif(sum(good), 0) AS mean, min(low) AS low, max(high) AS high,
           coalesce(CASE WHEN channel.rules <> '{}' THEN sum(good) END, 0)::bigint AS evaluated,
           coalesce(CASE WHEN channel.rules = '{}' THEN sum(good) END, 0)::bigint AS unevaluated,
           coalesce(sum(suspect), 0)::bigint AS suspect, coalesce(sum(fail), 0)::bigint AS fail,
           coalesce(sum(missing), 0)::bigint AS missing,
           sum(doubtful) / nullif(sum(suspect), 0) AS suspect_mean, max(failed) AS fail_value,
           coalesce(sum(parts), 0)::bigint AS parts
    FROM (
        SELECT date_bin(%(slot)s, bucket, %(first)s) AS start,
               sum(mean * good) AS total, min(min) AS low, max(max) AS high, sum(good) AS good,
               0 AS suspect, 0 AS fail, 0 AS missing, NULL::float8 AS doubtful, NULL::float8 AS failed,
               bit_count(bit_or(
                   1::int8 << (floor(date_part('epoch', bucket - %(first)s) / %(step_s)s)::int8 %% %(steps)s)::int
               ) FILTER (WHERE good > 0)::bit(64)) AS parts
        FROM minutes_between(wanted.channel_id, %(first)s, %(last)s)
        GROUP BY 1
        UNION ALL
        SELECT date_bin(%(slot)s, time, %(first)s) AS start,
               NULL, NULL, NULL, 0,
               count(*) FILTER (WHERE quality = 3), count(*) FILTER (WHERE quality = 4),
               count(*) FILTER (WHERE quality = 9),
               sum(value) FILTER (WHERE quality = 3), max(value) FILTER (WHERE quality = 4), 0
        FROM measurement
        WHERE channel_id = wanted.channel_id AND time >= %(first)s AND time < %(last)s AND quality > 2
        GROUP BY 1
    ) AS both_sides
    GROUP BY start
) AS gathered
ORDER BY 1, 2;
