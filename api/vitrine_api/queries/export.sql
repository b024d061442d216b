-- raw_csv --
-- Every value of one channel. The times are made ISO 8601 and the channel is added in blocks, see copying.py: in SQL that
-- would cost as much again as reading the rows.
COPY (SELECT time, value, quality, tests
        FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s
       ORDER BY time) TO STDOUT (FORMAT csv)

-- raw_json --
-- The same, almost JSON.
COPY (SELECT time, value, quality, tests
        FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s
       ORDER BY time) TO STDOUT (DELIMITER ',', NULL 'null')

-- raw_rows --
-- Every value of one channel, typed, for Arrow.
SELECT time, value, quality, tests
  FROM measurement WHERE channel_id = %(channel_id)s AND time >= %(first)s AND time < %(last)s ORDER BY time

-- r1min_csv --
-- Statistics of one channel, 1min.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM minutes_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1min_json --
-- The same, almost JSON.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM minutes_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (DELIMITER ',', NULL 'null')

-- r1min_rows --
-- Statistics of one channel, 1min, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM minutes_between(%(channel_id)s, %(first)s, %(last)s)
 ORDER BY bucket

-- r1h_csv --
-- Statistics of one channel, 1h.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM hours_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1h_json --
-- The same, almost JSON.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM hours_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (DELIMITER ',', NULL 'null')

-- r1h_rows --
-- Statistics of one channel, 1h, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM hours_between(%(channel_id)s, %(first)s, %(last)s)
 ORDER BY bucket

-- r1d_csv --
-- Statistics of one channel, 1d.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM days_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (FORMAT csv)

-- r1d_json --
-- The same, almost JSON.
COPY (SELECT bucket, mean, min, max, last, count, good
        FROM days_between(%(channel_id)s, %(first)s, %(last)s)
       ORDER BY bucket) TO STDOUT (DELIMITER ',', NULL 'null')

-- r1d_rows --
-- Statistics of one channel, 1d, typed, for Arrow.
SELECT bucket AS time, mean, min, max, last, count, good
  FROM days_between(%(channel_id)s, %(first)s, %(last)s)
 ORDER BY bucket
