-- copy_direct --
-- The fast way: straight into the table; fails as a whole when one measurement is there already.
COPY measurement (time, channel_id, value, quality, tests) FROM STDIN (FORMAT binary);

-- create_staging --
-- A table of this connection for the measurements of a batch that holds repeated ones.
CREATE TEMPORARY TABLE IF NOT EXISTS measurement_staging
    (time timestamptz, channel_id int, value float8, quality smallint, tests smallint) ON COMMIT DELETE ROWS;

-- empty_staging --
-- Several batches may share one transaction.
TRUNCATE measurement_staging;

-- copy_staged --
-- The batch, as it came.
COPY measurement_staging (time, channel_id, value, quality, tests) FROM STDIN (FORMAT binary);

-- insert_staged --
-- What the table does not hold yet; the order makes two collectors lock alike.
INSERT INTO measurement (time, channel_id, value, quality, tests)
SELECT time, channel_id, value, quality, tests FROM measurement_staging ORDER BY channel_id, time
ON CONFLICT DO NOTHING
RETURNING channel_id, (extract(epoch FROM time) * 1000000)::bigint;

-- tell --
-- Before measurements are written: which hours of which channels they touch.
SELECT measurements_come(
    array(SELECT timestamptz 'epoch' + n * interval '1 hour' FROM unnest(%(hours)s::bigint[]) WITH ORDINALITY AS h (n, at) ORDER BY at),
    array(SELECT timestamptz 'epoch' + n * interval '1 microsecond' FROM unnest(%(firsts)s::bigint[]) WITH ORDINALITY AS f (n, at)
          ORDER BY at),
    array(SELECT timestamptz 'epoch' + n * interval '1 microsecond' FROM unnest(%(lasts)s::bigint[]) WITH ORDINALITY AS l (n, at)
          ORDER BY at),
    %(channels)s::int[]);
