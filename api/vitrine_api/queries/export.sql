-- raw_csv --
-- Every value of one channel; the time with T and Z, which ISO 8601 readers of all languages take.
COPY (SELECT overlay((time AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11) || 'Z', %(path)s::text, value, quality, tests
        FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s
       ORDER BY time) TO STDOUT (FORMAT csv)

-- raw_json --
-- Every value of one channel, one JSON array a line.
COPY (SELECT json_build_array(time, value, quality, tests)
        FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s
       ORDER BY time) TO STDOUT

-- raw_rows --
-- Every value of one channel, typed, for Arrow.
SELECT time, value, quality, tests
  FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s ORDER BY time

-- r1min_csv --
-- Statistics of one channel, 1min.
COPY (SELECT overlay((bucket AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11) || 'Z', %(path)s::text,
             mean, min, max, last, count, good
        FROM measurement_1min WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1min_json --
-- Statistics of one channel, 1min, one JSON array a line.
COPY (SELECT json_build_array(bucket, mean, min, max, last, count, good)
        FROM measurement_1min WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT

-- r1min_rows --
-- Statistics of one channel, 1min, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM measurement_1min WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
 ORDER BY bucket

-- r1h_csv --
-- Statistics of one channel, 1h.
COPY (SELECT overlay((bucket AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11) || 'Z', %(path)s::text,
             mean, min, max, last, count, good
        FROM measurement_1h WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1h_json --
-- Statistics of one channel, 1h, one JSON array a line.
COPY (SELECT json_build_array(bucket, mean, min, max, last, count, good)
        FROM measurement_1h WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT

-- r1h_rows --
-- Statistics of one channel, 1h, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM measurement_1h WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
 ORDER BY bucket

-- r1d_csv --
-- Statistics of one channel, 1d.
COPY (SELECT overlay((bucket AT TIME ZONE 'UTC')::text PLACING 'T' FROM 11) || 'Z', %(path)s::text,
             mean, min, max, last, count, good
        FROM measurement_1d WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1d_json --
-- Statistics of one channel, 1d, one JSON array a line.
COPY (SELECT json_build_array(bucket, mean, min, max, last, count, good)
        FROM measurement_1d WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
       ORDER BY bucket) TO STDOUT

-- r1d_rows --
-- Statistics of one channel, 1d, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM measurement_1d WHERE channel_id = %(channel_id)s AND bucket >= %(first)s AND bucket < %(last)s
 ORDER BY bucket
