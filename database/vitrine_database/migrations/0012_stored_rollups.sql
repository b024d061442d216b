-- Rollups as tables of their own, and what retention needs. On PostgreSQL without TimescaleDB and on its Apache edition
-- they hold every bucket; on the Community edition only those whose measurements were dropped. The functions that keep
-- them follow in 0013, for each edition.

CREATE TABLE rollup_1min (
    channel_id        int NOT NULL,
    bucket            timestamptz NOT NULL,
    mean              float8,                        -- statistics over quality 1 and 2
    min               float8,
    max               float8,
    last              float8,
    count             int NOT NULL,                  -- measurements
    good              int NOT NULL,                  -- those of quality 1 and 2
    PRIMARY KEY (channel_id, bucket)
) WITH (fillfactor = 90);
CREATE TABLE rollup_1h (LIKE rollup_1min INCLUDING ALL) WITH (fillfactor = 70);
CREATE TABLE rollup_1d (LIKE rollup_1min INCLUDING ALL) WITH (fillfactor = 70);

-- Hours whose rollups are older than their measurements, noted in the transaction that changed these. Lines are only
-- added and taken away, so that no writer ever waits for another one or for the refresh.
CREATE TABLE stale_rollup (
    hour              timestamptz NOT NULL,
    first_time        timestamptz NOT NULL,          -- of what changed, inclusive
    last_time         timestamptz NOT NULL,          -- inclusive
    channels          int[] NOT NULL,
    removed           boolean NOT NULL               -- whether measurements may have gone
);
CREATE INDEX stale_rollup_newest ON stale_rollup (hour);

-- How long an installation's values are kept; NULL: for good. Hours and days are kept for good.
CREATE TABLE retention (
    installation_id   int PRIMARY KEY REFERENCES installation,
    raw               interval CHECK (raw >= interval '7 days'),
    minutes           interval CHECK (minutes >= raw),
    set_by            text NOT NULL DEFAULT current_user,
    set_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (minutes IS NULL OR raw IS NOT NULL)
);

-- Periods of which nothing is dropped, whatever the retention.
CREATE TABLE retention_hold (
    retention_hold_id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    installation_id   int NOT NULL REFERENCES installation,
    first_time        timestamptz NOT NULL,          -- inclusive
    last_time         timestamptz NOT NULL,          -- exclusive
    reason            text NOT NULL CHECK (reason <> ''),
    set_by            text NOT NULL DEFAULT current_user,
    set_at            timestamptz NOT NULL DEFAULT now(),
    CHECK (first_time < last_time)
);

-- Days (UTC) of each channel whose measurements were dropped; their rollups are what is left and stay as they are.
CREATE TABLE dropped_days (
    channel_id        int PRIMARY KEY,
    days              tstzmultirange NOT NULL
);

-- What was dropped, when, by which rule: a line for each day of an installation and each day of dropping.
CREATE TABLE retention_drop (
    installation_id   int NOT NULL REFERENCES installation,
    kind              text NOT NULL CHECK (kind IN ('raw', 'late', 'minutes')), -- late: came after their day was dropped
    first_time        timestamptz NOT NULL,          -- inclusive
    last_time         timestamptz NOT NULL,          -- exclusive
    rows              bigint NOT NULL,
    channels          int NOT NULL,                  -- from how many channels, counted once for each time
    rule              text NOT NULL,
    dropped_on        date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    dropped_at        timestamptz NOT NULL DEFAULT now(), -- the last time that day
    PRIMARY KEY (installation_id, kind, first_time, rule, dropped_on)
);

-- What no retention touches: datasets that people rely on or that are being built, and holds.
CREATE VIEW protected_period AS
SELECT installation_id, first_time, last_time, 'dataset ' || slug AS reason
FROM dataset
WHERE state IN ('under_review', 'frozen', 'validated', 'verified')
   OR state = 'provisional' AND build IN ('queued', 'running')
UNION ALL
SELECT installation_id, first_time, last_time, reason FROM retention_hold;

-- The functions below run with an owner's rights: no table of a session may stand in front of these.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

-- Drops the measurements of one channel and one day (UTC) for good, and keeps their rollups, made from the very rows that
-- go. It runs with the rights of the schema's owner, because nobody else deletes measurements; so it looks itself whether
-- the rule allows it. Returns how many rows went.
CREATE FUNCTION drop_measurements(one_channel int, day date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    begins constant timestamptz := day::timestamp AT TIME ZONE 'UTC';
    ends constant timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    rule retention;
    why text;
    late boolean;
    gone bigint;
BEGIN
    SELECT r.* INTO rule FROM retention r JOIN channel c USING (installation_id) WHERE c.channel_id = one_channel;
    IF rule.raw IS NULL OR ends > now() - rule.raw THEN
        RAISE EXCEPTION 'no retention lets go of channel % on %', one_channel, day USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT p.reason INTO why FROM protected_period p
    WHERE p.installation_id = rule.installation_id AND p.first_time < ends AND p.last_time > begins LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'channel % is protected on %: %', one_channel, day, why USING ERRCODE = 'restrict_violation';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('vitrine.rollups', 0));
    late := coalesce((SELECT begins <@ d.days FROM dropped_days d WHERE d.channel_id = one_channel), false);
    INSERT INTO dropped_days AS d VALUES (one_channel, tstzmultirange(tstzrange(begins, ends)))
    ON CONFLICT (channel_id) DO UPDATE SET days = d.days + excluded.days;
    IF late THEN
        DELETE FROM measurement m WHERE m.channel_id = one_channel AND m.time >= begins AND m.time < ends;
        GET DIAGNOSTICS gone = ROW_COUNT;
    ELSE
        gone := keep_rollups(one_channel, begins, ends);
    END IF;
    IF gone > 0 THEN
        PERFORM note_drop(rule.installation_id, CASE WHEN late THEN 'late' ELSE 'raw' END, begins, ends, gone,
                          'raw older than ' || rule.raw, rule.set_by, rule.set_at);
    END IF;
    RETURN gone;
END $$;

-- Deletes a day of a channel and makes its rollups from the rows that went, in one statement: what came meanwhile stays.
CREATE FUNCTION keep_rollups(one_channel int, begins timestamptz, ends timestamptz) RETURNS bigint
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    gone bigint;
BEGIN
    DELETE FROM rollup_1min r WHERE r.channel_id = one_channel AND r.bucket >= begins AND r.bucket < ends;
    DELETE FROM rollup_1h r WHERE r.channel_id = one_channel AND r.bucket >= begins AND r.bucket < ends;
    DELETE FROM rollup_1d r WHERE r.channel_id = one_channel AND r.bucket = begins;
    WITH went AS (
        DELETE FROM measurement m WHERE m.channel_id = one_channel AND m.time >= begins AND m.time < ends
        RETURNING m.time, m.value, m.quality
    ), minutes AS (
        INSERT INTO rollup_1min (channel_id, bucket, mean, min, max, last, count, good)
        SELECT one_channel, date_bin('1 min', time, timestamptz '2000-01-03 00:00:00+00'),
               avg(value) FILTER (WHERE quality <= 2), min(value) FILTER (WHERE quality <= 2),
               max(value) FILTER (WHERE quality <= 2),
               (array_agg(value ORDER BY time DESC) FILTER (WHERE quality <= 2))[1],
               count(*), count(*) FILTER (WHERE quality <= 2)
        FROM went GROUP BY 2
        RETURNING count
    )
    SELECT coalesce(sum(count), 0) INTO gone FROM minutes;
    INSERT INTO rollup_1h (channel_id, bucket, mean, min, max, last, count, good)
    SELECT one_channel, date_bin('1 hour', r.bucket, timestamptz '2000-01-03 00:00:00+00'),
           sum(r.mean * r.good) / nullif(sum(r.good), 0), min(r.min), max(r.max),
           (array_agg(r.last ORDER BY r.bucket DESC) FILTER (WHERE r.good > 0))[1], sum(r.count), sum(r.good)
    FROM rollup_1min r WHERE r.channel_id = one_channel AND r.bucket >= begins AND r.bucket < ends GROUP BY 2;
    INSERT INTO rollup_1d (channel_id, bucket, mean, min, max, last, count, good)
    SELECT one_channel, begins, sum(r.mean * r.good) / nullif(sum(r.good), 0), min(r.min), max(r.max),
           (array_agg(r.last ORDER BY r.bucket DESC) FILTER (WHERE r.good > 0))[1], sum(r.count), sum(r.good)
    FROM rollup_1h r WHERE r.channel_id = one_channel AND r.bucket >= begins AND r.bucket < ends HAVING count(*) > 0;
    RETURN gone;
END $$;

-- Drops the minutes of one channel and one day whose measurements went before; hours and days stay.
CREATE FUNCTION drop_minutes(one_channel int, day date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    begins constant timestamptz := day::timestamp AT TIME ZONE 'UTC';
    ends constant timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
    rule retention;
    gone bigint;
BEGIN
    SELECT r.* INTO rule FROM retention r JOIN channel c USING (installation_id) WHERE c.channel_id = one_channel;
    IF rule.minutes IS NULL OR ends > now() - rule.minutes OR EXISTS (
           SELECT FROM protected_period p
           WHERE p.installation_id = rule.installation_id AND p.first_time < ends AND p.last_time > begins)
       OR NOT EXISTS (SELECT FROM dropped_days d WHERE d.channel_id = one_channel AND begins <@ d.days) THEN
        RAISE EXCEPTION 'no retention lets go of the minutes of channel % on %', one_channel, day
            USING ERRCODE = 'restrict_violation';
    END IF;
    DELETE FROM rollup_1min r WHERE r.channel_id = one_channel AND r.bucket >= begins AND r.bucket < ends;
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone > 0 THEN
        PERFORM note_drop(rule.installation_id, 'minutes', begins, ends, gone, 'minutes older than ' || rule.minutes,
                          rule.set_by, rule.set_at);
    END IF;
    RETURN gone;
END $$;

CREATE FUNCTION note_drop(installation int, what text, begins timestamptz, ends timestamptz, gone bigint, words text,
                          set_by text, set_at timestamptz) RETURNS void
LANGUAGE sql SET search_path FROM CURRENT AS $$
    INSERT INTO retention_drop AS held (installation_id, kind, first_time, last_time, rows, channels, rule)
    VALUES (installation, what, begins, ends, gone, 1,
            format('%s, set by %s on %s', words, set_by, to_char(set_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"')))
    ON CONFLICT (installation_id, kind, first_time, rule, dropped_on) DO UPDATE
    SET rows = held.rows + excluded.rows, channels = held.channels + 1, dropped_at = now()
$$;

-- Only the two that look at the rule are for others than the owner.
REVOKE ALL ON FUNCTION drop_measurements(int, date), drop_minutes(int, date), keep_rollups(int, timestamptz, timestamptz),
    note_drop(int, text, timestamptz, timestamptz, bigint, text, text, timestamptz) FROM PUBLIC;

-- Values that are not usable are few, and charts over long times look for them alone.
CREATE INDEX measurement_unusable ON measurement (channel_id, time) WHERE quality > 2;
